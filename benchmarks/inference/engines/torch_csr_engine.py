"""torch with the weights of linear layers as CSR tensors; it has no sparse convolution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from benchmarks.inference.engines.server import serve
from benchmarks.inference.files import SMALLEST, build_network, zero_smallest

if TYPE_CHECKING:
    from collections.abc import Callable


class SparseLinear(nn.Module):
    """A linear layer whose weights are a CSR tensor."""

    def __init__(self, layer: nn.Linear, share: float) -> None:
        super().__init__()
        weight = layer.weight.detach().numpy()
        if weight.size >= SMALLEST:
            weight = zero_smallest(weight, share)
        self.weight = torch.from_numpy(weight).to_sparse_csr()
        self.bias = layer.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (…, inputs) to (…, outputs)."""
        flat = x.reshape(-1, x.shape[-1])
        product = (self.weight @ flat.T).T.reshape(*x.shape[:-1], -1)
        return product if self.bias is None else product + self.bias


def _replace(module: nn.Module, share: float) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, SparseLinear(child, share))
        elif isinstance(child, nn.Conv2d):
            pruned = zero_smallest(child.weight.detach().numpy(), share)
            child.weight.data = torch.from_numpy(pruned)
        else:
            _replace(child, share)


def start(model: str, feed: dict[str, Any], threads: int) -> Callable[[], Any]:
    """Build the network that the file's name says, and prune it as the file is."""
    torch.set_num_threads(threads)
    stem, _, percent = Path(model).stem.rpartition("-")
    network = build_network(stem.partition("-")[0])
    _replace(network, int(percent) / 100)
    inputs = [torch.from_numpy(value) for value in feed.values()]

    def run() -> Any:
        with torch.inference_mode():
            return network(*inputs)

    return run


serve(start)
