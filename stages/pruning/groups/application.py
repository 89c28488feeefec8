"""Application of a pruning rule to the channel groups of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.pruning.groups.dependencies import find_groups
from prunepack.stages.pruning.groups.ranking import prune_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round
    from prunepack.stages.pruning.targets import Prunable

__all__ = ["apply_to_groups", "refuse_groups"]


def apply_to_groups(
    rule: Rule,
    targets: Sequence[Prunable],
    module: nn.Module,
    batch: ArrayMapping | None,
    this_round: Round,
) -> None:
    """Prune the channel groups of a model whose layers the rule covers.

    Args:
        rule: The method and its options.
        targets: The parameters of the rule.
        module: The model.
        batch: Inputs of the model, by which groups are found.
        this_round: The round of the schedule.

    Raises:
        UsageError: If there are no inputs, or no group can be pruned.
    """
    if batch is None:
        raise UsageError(
            "channel groups need inputs of the model",
            expected="the prune stage, which has them",
            found="a model alone",
            hint="Leave groups out, or use prunepack prune",
        )
    covered = [place.module for target in targets for place in target.places]
    prune_groups(rule, find_groups(module, batch), covered, this_round)


def refuse_groups(rules: Iterable[Rule]) -> None:
    """Refuse rules with groups for a model that is not of torch.

    Raises:
        UsageError: If there is one.
    """
    if any(rule.groups for rule in rules):
        raise UsageError(
            "channel groups are found in a torch model only",
            expected="a model with load.model = file.py:factory",
            found="an ONNX model",
            hint="Leave groups out: compact removes the channels that no other layer shares",
        )
