"""Single weights whose removal changes the loss of a batch least (Molchanov et al. 2019).

"Importance Estimation for Neural Network Pruning" estimates the squared change of the loss by the
first term of its Taylor series: the squared product of weight and gradient, as the mean over
batches. Gradients of batches do not cancel out as those of the mean loss do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.utils.prune import L1Unstructured

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "compute_taylor"]


def compute_taylor(options: MethodOptions, name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return the scores of ``tensor``, not negative, in its shape.

    They are roots, absolute changes of the loss: squares of small gradients would be denormal.
    """
    return tensor.abs() * options.statistics.find("squared_gradients", name).sqrt()


METHOD = Method(L1Unstructured, scope="global", needs=("squared_gradients",), score=compute_taylor)
