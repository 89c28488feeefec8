"""Single weights whose removal changes the loss least, by SNIP (Lee, Ajanthan and Torr 2019).

"SNIP: Single-shot Network Pruning based on Connection Sensitivity" ranks by the absolute product of
a weight and the gradient of the mean loss by it. It was made for networks before training; at the
end of a training that gradient is close to zero, where ``taylor`` is the better choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.utils.prune import L1Unstructured

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "compute_snip"]


def compute_snip(options: MethodOptions, name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return the scores of ``tensor``, not negative, in its shape."""
    return (tensor * options.statistics.find("gradients", name)).abs()


METHOD = Method(L1Unstructured, scope="global", needs=("gradients",), score=compute_snip)
