"""Measurements for the cost model: layers of onnxruntime, and of the sparse kernels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.sparse.native import native
from prunepack.sparse.probe_models import encode_probe

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.coding.dtypes import Array
    from prunepack.runtime.ort_types import OrtModule

__all__ = ["measure_dense", "measure_sparse"]

REPEATS = 12
WIDTH = 2048
DENSITY = 0.1


class _Conv(NamedTuple):
    """A convolution of square maps, without padding."""

    channels: int
    rows: int
    kernel: int
    size: int
    density: float


DENSE_CONVS = (_Conv(64, 64, 3, 30, 1), _Conv(256, 256, 1, 14, 1))
SPARSE_CONVS = (
    _Conv(64, 64, 3, 30, 0.1),
    _Conv(256, 64, 1, 28, 0.02),
    _Conv(64, 256, 1, 28, 0.02),
    _Conv(64, 256, 1, 28, 0.3),
    _Conv(256, 256, 1, 14, 0.1),
    _Conv(32, 192, 1, 28, 0.1),
)


def measure_dense(ort: OrtModule) -> tuple[float, float, float, float]:
    """Return the rates of onnxruntime with one thread.

    Returns:
        Nanoseconds per multiplication of a convolution and of a product with many vectors, per
        weight and 4 of a few vectors, and per weight for one vector.
    """
    convs = [_measure_conv(ort, conv) for conv in DENSE_CONVS]
    weights = _draw((WIDTH, WIDTH), 1)
    run = _start(ort, encode_probe("MatMul", weights, ["n", WIDTH]))
    one, few, many = (_best(run, _draw((count, WIDTH), 1)) for count in (1, 8, 64))
    return min(convs), many / (64 * weights.size), few / (2 * weights.size), one / weights.size


def _measure_conv(ort: OrtModule, conv: _Conv) -> float:
    weights = _draw((conv.rows, conv.channels, conv.kernel, conv.kernel), 1)
    x = _draw((1, conv.channels, conv.size, conv.size), 1)
    out = conv.size - conv.kernel + 1
    run = _start(ort, encode_probe("Conv", weights, list(x.shape)))
    return _best(run, x) / (weights.size * out * out)


def _start(ort: OrtModule, model: bytes) -> Callable[[Array], object]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})


def _best(run: Callable[[Array], object], x: Array) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter_ns()
        run(x)
        times.append(time.perf_counter_ns() - start)
    return float(min(times))


def measure_sparse() -> tuple[float, float, float, float]:
    """Return the rates of the sparse kernels with one thread.

    Returns:
        Nanoseconds per nonzero weight and vector of positions, per nonzero weight with one input
        vector, per vector of packed inputs, and per vector of sums. The first and the last two
        are the least-squares solution for six layers, none of them negative.
    """
    rows, times = zip(*map(_measure_sparse_conv, SPARSE_CONVS), strict=True)
    scale = np.array(times)  # relative errors count
    solution = np.linalg.lstsq(np.array(rows) / scale[:, None], np.ones(len(times)), rcond=None)[0]
    multiply, pack, finish = np.maximum(solution, 0.0)
    weights = _draw((WIDTH, WIDTH), DENSITY)
    x, out = _draw((1, WIDTH), 1), np.empty((1, WIDTH), np.float32)
    window = (1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1)
    one = _run(weights, x, out, (1, 1, 1, 1, 1, 1), window, is_conv=False)
    return float(multiply), one / np.count_nonzero(weights), float(pack), float(finish)


def _measure_sparse_conv(conv: _Conv) -> tuple[tuple[float, float, float], float]:
    """Return the units of work of a layer, as the cost model counts them, and its time."""
    out_size = conv.size - conv.kernel + 1
    weights = _draw((conv.rows, conv.channels, conv.kernel, conv.kernel), conv.density)
    x = _draw((1, conv.channels, conv.size, conv.size), 1)
    out = np.empty((1, conv.rows, out_size, out_size), np.float32)
    shape = (1, conv.channels, conv.size, conv.size, out_size, out_size)
    window = (conv.kernel, conv.kernel, 1, 1, 1, 1, 0, 0, 0, 0, 1)
    taken = _run(weights, x, out, shape, window, is_conv=True)
    vectors = out_size**2 / 16
    nonzeros, columns = np.count_nonzero(weights), weights[0].size
    blocks = -(-columns // min(max(96, int(16 / conv.density)), 320))
    return (vectors * nonzeros, vectors * columns, vectors * conv.rows * (blocks + 1)), taken


def _run(
    weights: Array,
    x: Array,
    out: Array,
    shape: tuple[int, ...],
    window: tuple[int, ...],
    *,
    is_conv: bool,
) -> float:
    assert native is not None
    rows, columns, end = len(weights), weights[0].size, (-np.inf, np.inf, 0)
    return native.run_layer(
        weights, None, x, None, out, is_conv, rows, columns, shape, window, end, REPEATS, 1
    )


def _draw(shape: tuple[int, ...], density: float) -> Array:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(shape, np.float32)
    return values if density == 1 else values * (rng.random(shape) < density)
