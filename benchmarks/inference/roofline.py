"""Limits of this machine, and how near to them the sparse kernels come, layer by layer.

The roofline of Williams, Waterman and Patterson (2009): a layer takes at least as long as its
multiply-adds, the loads of their operands, or the movement of its bytes.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from benchmarks.inference.programs import run_program
from prunepack.sparse.native import native

__all__ = ["LAYERS", "Layer", "measure_layers", "measure_limits"]

LANES = 16
DENSITY = 0.1
REPEATS = 40
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast")


class Layer(NamedTuple):
    """A layer of one of the networks, at 90 % zeros.

    Attributes:
        title: Its name in the table.
        rows: Output channels or features.
        columns: Input channels or features.
        kernel: Taps along each axis; 0 for a product.
        positions: Input vectors of a product, or positions along each axis of the output.
    """

    title: str
    rows: int
    columns: int
    kernel: int
    positions: int


LAYERS = (
    Layer("Conv 3×3, 64 → 64, 56×56", 64, 64, 3, 56),
    Layer("Conv 3×3, 256 → 256, 14×14", 256, 256, 3, 14),
    Layer("Conv 3×3, 512 → 512, 7×7", 512, 512, 3, 7),
    Layer("Conv 1×1, 256 → 64, 56×56", 64, 256, 1, 56),
    Layer("Conv 1×1, 256 → 1024, 14×14", 1024, 256, 1, 14),
    Layer("product 512 → 2048, 128 vectors", 2048, 512, 0, 128),
    Layer("product 4096 → 4096, 16 vectors", 4096, 4096, 0, 16),
    Layer("product 4096 → 4096, 1 vector", 4096, 4096, 0, 1),
)


def measure_limits() -> dict[str, float]:
    """Return multiply-adds of float32 and bytes per nanosecond of one core.

    ``multiply_adds`` has operands in registers, ``multiply_adds_loaded`` loads one vector for each
    from the first-level cache, and ``read_N`` reads N KiB again and again.
    """
    limits: dict[str, float] = json.loads(run_program("probes", FLAGS))
    limits.pop("ignore")
    return limits


def measure_layers(limits: dict[str, float]) -> list[dict[str, Any]]:
    """Return the least time of each layer on one thread, and its limits, in microseconds."""
    return [_measure(layer, limits) for layer in LAYERS]


def _measure(layer: Layer, limits: dict[str, float]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    is_conv = layer.kernel > 0
    size, taps = (layer.positions, layer.kernel) if is_conv else (1, 1)
    weights = rng.standard_normal((layer.rows, layer.columns, taps, taps)).astype(np.float32)
    weights[rng.random(weights.shape) >= DENSITY] = 0
    count = size**2 if is_conv else layer.positions
    x = rng.standard_normal((layer.columns * count,)).astype(np.float32)
    out = np.empty(layer.rows * count, np.float32)
    pad = taps // 2
    sizes = (1 if is_conv else count, layer.columns, size, size, size, size)
    window = (taps, taps, 1, 1, 1, 1, pad, pad, pad, pad, 1)
    columns = layer.columns * taps**2
    end = (-np.inf, np.inf, 0)
    assert native is not None
    taken = native.run_layer(
        weights,
        None,
        x,
        None,
        out,
        int(is_conv),
        layer.rows,
        columns,
        sizes,
        window,
        end,
        REPEATS,
        1,
    )
    nonzeros = int(np.count_nonzero(weights))
    vectors = nonzeros * (count / LANES if count > 1 else 1)  # one vector: a scalar per nonzero
    size_bytes = 6 * nonzeros + x.nbytes + out.nbytes
    return {
        "layer": layer.title,
        "us": round(taken / 1e3, 1),
        "multiply_adds_us": round(vectors * LANES / limits["multiply_adds"] / 1e3, 1),
        "loads_us": round(vectors * LANES / limits["multiply_adds_loaded"] / 1e3, 1),
        "memory_us": round(size_bytes / _bandwidth(limits, size_bytes) / 1e3, 1),
    }


def _bandwidth(limits: dict[str, float], size: int) -> float:
    """Return the bandwidth of the smallest measured size that holds so many bytes."""
    sizes = sorted(int(key.removeprefix("read_")) for key in limits if key.startswith("read_"))
    fitting = [kib for kib in sizes if kib * 1024 >= size]
    return limits[f"read_{fitting[0] if fitting else sizes[-1]}"]
