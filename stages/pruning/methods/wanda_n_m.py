"""N:M sparsity by magnitude times input norm: Wanda's ranking in groups (Sun et al. 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.pruning.methods import Method
from prunepack.stages.pruning.methods.n_m import KeepNOfM

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "KeepNOfMByInputs"]


class KeepNOfMByInputs(KeepNOfM):
    """Keeps the ``n`` of every ``m`` consecutive weights that change the output most."""

    def __init__(self, n: int, m: int, dim: int, norms: torch.Tensor) -> None:
        super().__init__(n, m, dim)
        self.norms = norms

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of ``t`` (outputs, inputs, ...): ones and zeros, same shape and dtype.

        Raises:
            ValueError: If the size of the input dimension is not a multiple of M.
        """
        return super().compute_mask(t.detach() * self.norms, default_mask)


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:
    n, m = map(int, options.pattern.split(":"))
    return {
        "n": n,
        "m": m,
        "dim": options.dim,
        "norms": options.statistics.find_norms(name, tensor),
    }


METHOD = Method(KeepNOfMByInputs, _arguments, axis="inputs", needs=("norms",))
