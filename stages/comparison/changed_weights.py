"""Whether the weights in an exported file are those of the checkpoint, answers aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    from torch import nn

    from prunepack.stages.contract.outputs import OnnxModel

    Array = npt.NDArray[Any]

__all__ = ["changed", "changed_weights"]

ROUNDING = 64
"""How many units in the last place a weight may have moved by being multiplied."""


def changed_weights(onnx: OnnxModel, final: nn.Module) -> Metrics:
    """Count the weights in the exported file that are not the checkpoint's.

    Outputs do not show a weight that no input tried needs. Weights of two or more dimensions are
    found by name, which export keeps; one that is transposed is called ``NAME.T``.

    Returns:
        ``parity.weights.compared``, in tensors, and ``parity.weights.changed_values``.
    """
    state = {name: one.detach().numpy() for name, one in final.state_dict().items()}
    compared, count, notes = 0, 0, []
    for name, exported in _initializers(onnx):
        own = _own(state, name)
        if own is None or own.shape != exported.shape or own.dtype != exported.dtype:
            continue
        compared += 1
        places = np.argwhere(changed(own, exported))
        count += len(places)
        if len(places):
            at = tuple(places[0].tolist())
            notes.append(f"{name}{list(at)}: {own[at]:.9g} and {exported[at]:.9g}")
    return {
        "parity.weights.compared": Metric(compared, "tensors"),
        "parity.weights.changed_values": Metric(count, "values", note="; ".join(notes[:3])),
    }


def _own(state: Mapping[str, Array], name: str) -> Array | None:
    """Return the checkpoint's tensor that an initializer is named after."""
    if name in state:
        own = state[name]
    elif name.endswith(".T") and name.removesuffix(".T") in state:
        own = state[name.removesuffix(".T")].T
    else:
        return None
    return own if own.ndim >= 2 and own.dtype.kind == "f" else None


def _initializers(onnx: OnnxModel) -> Iterator[tuple[str, Array]]:
    from onnx import load, numpy_helper

    model = load(onnx.model, load_external_data=False)
    for one in model.graph.initializer:
        if len(one.dims) >= 2:
            yield one.name, numpy_helper.to_array(one, str(onnx.path))


def changed(own: Array, exported: Array) -> npt.NDArray[np.bool_]:
    """Return which elements of an exported weight are others than the checkpoint's.

    An exporter folds BatchNorm into the layer before it: each output channel times one number.
    So a weight is the same if, along one of its axes, each slice is a multiple of the
    checkpoint's. What is zero stays zero by that: a pruned weight that is not shows in any case.

    Args:
        own: Floating point, of one dimension or more.
        exported: The same shape and dtype.
    """
    if np.array_equal(own, exported, equal_nan=True):
        return np.zeros(own.shape, bool)
    each = (_off(own, exported, axis) for axis in range(own.ndim))
    return min(each, key=np.count_nonzero)


def _off(own: Array, exported: Array, axis: int) -> npt.NDArray[np.bool_]:
    """Return which elements are no multiples, by the factor that most of their slice has."""
    a, b = (np.moveaxis(one, axis, 0).astype(np.float64) for one in (own, exported))
    a, b, shape = a.reshape(len(a), -1), b.reshape(len(b), -1), a.shape
    factors = np.zeros(len(a))
    for index, (row, other) in enumerate(zip(a, b, strict=True)):
        some = row != 0
        with np.errstate(over="ignore"):
            factors[index] = np.median(other[some] / row[some]) if some.any() else 0.0
    due = a * factors[:, None]
    kind = np.finfo(own.dtype)
    same = np.abs(b - due) <= ROUNDING * float(kind.eps) * np.abs(due) + float(kind.tiny)
    return np.moveaxis(~same.reshape(shape), 0, axis)
