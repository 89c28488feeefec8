"""N:M sparsity whose remaining weights can keep the outputs of the layer best, by ADMM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.pruning.methods import Method
from prunepack.stages.pruning.methods.admm import choose_mask
from prunepack.stages.pruning.methods.n_m import KeepNOfM

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "KeepNOfMByOutputs"]


class KeepNOfMByOutputs(KeepNOfM):
    """Keeps the ``n`` of every ``m`` consecutive weights with which the outputs change least."""

    def __init__(self, n: int, m: int, dim: int, products: torch.Tensor) -> None:
        super().__init__(n, m, dim)
        self.products = products

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of ``t`` (outputs, inputs): ones and zeros, same shape and dtype.

        Raises:
            ValueError: If the size of the input dimension is not a multiple of M.
        """

        def keep_n_of_m(values: torch.Tensor) -> torch.Tensor:
            return super(KeepNOfMByOutputs, self).compute_mask(values, default_mask.to(values))

        return choose_mask(t.detach() * default_mask, self.products, keep_n_of_m).to(t.dtype)


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    n, m = map(int, options.pattern.split(":"))
    return {
        "n": n,
        "m": m,
        "dim": options.dim,
        "products": options.statistics.find("products", name),
    }


METHOD = Method(KeepNOfMByOutputs, _arguments, axis="inputs", needs=("products",))
