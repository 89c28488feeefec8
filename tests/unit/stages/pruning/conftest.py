"""A module pruned in memory, and the remarks that pruning makes."""

import pytest
import torch

from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.prune import PruneConfig, apply_rules
from prunepack.stages.pruning.masks import pruned_parameters


@pytest.fixture
def prune_module():
    """Prune a live module and return its masks by place, and the remarks."""

    def make(module, **config):
        with collect_remarks() as remarks:
            apply_rules(PruneConfig(**config), module.eval())
        return {place.name: place.mask for place in pruned_parameters(module)}, remarks

    torch.manual_seed(0)
    return make
