"""The reference implementation of the native code, in numpy: zero weights contribute nothing."""

from dataclasses import dataclass, replace
from math import erf

import numpy as np

from prunepack.sparse.native import native

CLAMP, GELU, SILU, GELU_TANH, QUICK_GELU = range(5)
ACTIVATIONS = tuple(range(5))


@dataclass(frozen=True)
class Window:
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1

    def output_size(self, size):
        return tuple(
            (
                size[i]
                + self.pads[i]
                + self.pads[i + 2]
                - (self.kernel[i] - 1) * self.dilations[i]
                - 1
            )
            // self.strides[i]
            + 1
            for i in (0, 1)
        )


@dataclass(frozen=True)
class End:
    bias: np.ndarray | None = None
    residual: np.ndarray | None = None
    low: float = -np.inf
    high: float = np.inf
    activation: int = CLAMP


def finish(sums, end, axis):
    if end.bias is not None:
        sums = sums + end.bias.reshape([-1 if i == axis else 1 for i in range(sums.ndim)])
    if end.residual is not None:
        sums = sums + end.residual
    if end.activation == GELU:
        return sums * 0.5 * (1 + np.vectorize(erf, otypes=[float])(sums / np.sqrt(2)))
    if end.activation == GELU_TANH:
        return sums * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (sums + 0.044715 * sums**3)))
    if end.activation in {SILU, QUICK_GELU}:
        slope = 1 if end.activation == SILU else 1.702
        return sums / (1 + np.exp(-slope * sums))
    return np.minimum(np.maximum(sums, end.low), end.high)


def linear(weights, x, end):
    sums = np.zeros((len(x), len(weights)))
    for row, values in enumerate(weights.astype(float)):
        used = np.flatnonzero(values)
        sums[:, row] = x[:, used].astype(float) @ values[used]
    return finish(sums, end, 1)


def conv(weights, x, window, end):
    (top, left, bottom, right), (sy, sx), (dy, dx) = window.pads, window.strides, window.dilations
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (top, bottom), (left, right)))
    height, width = window.output_size(x.shape[2:])
    rows, per_group = len(weights) // window.groups, weights.shape[1]
    sums = np.zeros((len(x), len(weights), height, width))
    for m, c, i, j in np.argwhere(weights):
        channel = m // rows * per_group + c
        y0, x0 = i * dy, j * dx
        part = padded[:, channel, y0 : y0 + sy * height : sy, x0 : x0 + sx * width : sx]
        sums[:, m] += float(weights[m, c, i, j]) * part[:, :height, :width]
    return finish(sums, end, 1)


def run_linear(weights, x, end, threads=1):
    out = np.full((len(x), len(weights)), 7, np.float32)
    shape, window = (len(x), 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1)
    return _run(weights, x, out, 0, shape, window, end, threads)


def run_conv(weights, x, window, end, threads=1):
    batch, channels, *size = x.shape
    out_size = window.output_size(size)
    out = np.full((batch, len(weights), *out_size), 7, np.float32)
    numbers = (*window.kernel, *window.strides, *window.dilations, *window.pads, window.groups)
    shape = (batch, channels, *size, *out_size)
    return _run(weights, x, out, 1, shape, numbers, end, threads)


def _run(weights, x, out, is_conv, shape, window, end, threads):
    rows, columns = len(weights), weights[0].size if len(weights) else 0
    ends = (end.low, end.high, end.activation)
    native.run_layer(
        weights,
        end.bias,
        x,
        end.residual,
        out,
        is_conv,
        rows,
        columns,
        shape,
        window,
        ends,
        1,
        threads,
    )
    return out


def sparse(rng, shape, density):
    return (rng.standard_normal(shape) * (rng.random(shape) < density)).astype(np.float32)


def draw_end(rng, out_shape, rows, activations=(CLAMP,)):
    bias, residual = rng.standard_normal(rows), rng.standard_normal(out_shape)
    end = End(
        bias.astype(np.float32) if rng.random() < 0.5 else None,
        residual.astype(np.float32) if rng.random() < 0.5 else None,
        activation=int(rng.choice(activations)),
    )
    low, high = [(-np.inf, np.inf), (0, np.inf), (0, 6)][rng.integers(3)]
    return replace(end, low=low, high=high)
