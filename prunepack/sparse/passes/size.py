"""Number of samples per pass, so that activations stay in the caches between layers."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prunepack.sparse.passes.dims import BATCH, Dim, divide, multiply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.sparse.layers import SparseLayer
    from prunepack.sparse.passes.description import GraphDescription
    from prunepack.sparse.passes.values import Value

__all__ = ["Load", "collect_loads", "count_samples", "count_weight_bytes", "read_cache_bytes"]

CACHE_FILL = 2.0
"""Caches of the second level that the values around one node may fill."""

USUAL_CACHE = 1 << 20
"""Bytes of a cache of the second level, where the system does not tell."""

CACHE_FILE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")

NONZERO_BYTES = 6
"""Bytes of one nonzero weight in the format of the kernels."""

ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""Bytes per element by the number of the type in ONNX."""


class Load(NamedTuple):
    """Bytes of one sample that a node reads and writes: sizes, each a product of dimensions."""

    sizes: tuple[Dim, ...]

    def count_bytes(self, named: Mapping[str, int]) -> int:
        """Return the bytes, given the sizes of the named dimensions; unknown ones count nothing."""
        return sum(size.find_size(named) or 0 for size in self.sizes)


def collect_loads(graph: GraphDescription, values: Mapping[str, Value]) -> list[Load]:
    """Return the load of each node."""
    loads = []
    for node in graph.nodes:
        names = dict.fromkeys(filter(None, (*node.inputs, *node.outputs)))
        sizes = (_measure(graph, values[name], name) for name in names)
        loads.append(Load(tuple(size for size in sizes if size)))
    return loads


def _measure(graph: GraphDescription, value: Value, name: str) -> Dim | None:
    """Return the bytes of one sample of a value."""
    if not value.is_batched:
        return None
    size = divide(multiply(value.shape), BATCH)
    described = graph.values.get(name)
    return multiply([size, Dim(ITEM_BYTES.get(described.kind if described else 0, 0))])


def count_weight_bytes(layers: Sequence[SparseLayer]) -> int:
    """Return the bytes of weights that a pass reads."""
    return sum(
        NONZERO_BYTES * layer.nonzeros if layer.is_sparse else 4 * layer.rows * layer.columns
        for layer in layers
    )


def read_cache_bytes() -> int:
    """Return the size of the cache of the second level of one core."""
    with suppress(OSError, ValueError):
        text = CACHE_FILE.read_text(encoding="ascii").strip()
        return int(text.removesuffix("K")) * 1024 if text.endswith("K") else int(text)
    return USUAL_CACHE


def count_samples(
    loads: Sequence[Load], named: Mapping[str, int], weight_bytes: int, cache_bytes: int
) -> int:
    """Return the samples per pass.

    As many as keep the values around each node in the cache, and at least as many as read as many
    bytes of activations as of weights, which each pass reads anew.
    """
    each = [load.count_bytes(named) for load in loads]
    peak, traffic = max(each, default=0), sum(each)
    if not peak:
        return 2**31
    return max(1, int(CACHE_FILL * cache_bytes / peak), math.ceil(weight_bytes / traffic))
