"""Weights of the checkpoint, the exported file and the artifact: equality and sparsity."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from prunepack.reading.artifact import Artifact
from prunepack.stages.comparison.consistency import count_training_layers
from prunepack.stages.graphs.sparsity import count_graph_zeros
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.models.checkpoints import select_tensors
from prunepack.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    import numpy.typing as npt
    import torch
    from torch import nn

    from prunepack.stages.comparison.forms import ModelForms
    from prunepack.stages.contract.arrays import Array, ArrayMapping
    from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact

__all__ = [
    "compare_files",
    "compare_weights",
    "find_changed_values",
    "inspect_weights",
    "measure_sparsity",
]

ROUNDING = 64
"""Units in the last place by which a multiplication may move a weight."""


def compare_files(onnx: OnnxModel, artifact: PackedArtifact) -> Metrics:
    """Compare the exported files with the files in the artifact, byte for byte."""
    differing: dict[str, int] = {}
    with Artifact.open(artifact.file) as opened:
        packed, exported = set(opened.files), onnx.named_parts
        for name in sorted(packed & exported.keys()):
            differing[name] = _count_differing_bytes(opened.read_file(name), exported[name])
    unmatched = sorted(packed ^ exported.keys())
    changed = [name for name, count in differing.items() if count]
    total = sum(differing.values())
    return {
        "parity.weights.files": Metric(len(packed & exported.keys()), "files"),
        "parity.weights.unmatched_files": Metric(
            len(unmatched), "files", note=", ".join(unmatched)
        ),
        "parity.weights.differing_bytes": Metric(total, "bytes", note=", ".join(changed)),
    }


def _count_differing_bytes(packed: bytes, file: Path) -> int:
    a, b = np.frombuffer(packed, np.uint8), np.fromfile(file, np.uint8)
    shared = min(a.size, b.size)
    return int((a[:shared] != b[:shared]).sum()) + abs(a.size - b.size)


def compare_weights(onnx: OnnxModel, module: nn.Module) -> Metrics:
    """Count the weights in the exported file that differ from the checkpoint's.

    Outputs do not reveal a weight that no tested input needs. The comparison finds weights of two
    or more dimensions by name, which export keeps; a transposed weight is called ``NAME.T``.

    Returns:
        ``parity.weights.compared``, in tensors, and ``parity.weights.changed_values``.
    """
    tensors = select_tensors(module.state_dict())
    state = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    compared, count, notes = 0, 0, []
    for name, exported in _read_initializers(onnx):
        weight = _find_weight(state, name)
        if weight is None or (weight.shape, weight.dtype) != (exported.shape, exported.dtype):
            continue
        compared += 1
        changed = np.argwhere(find_changed_values(weight, exported))
        count += len(changed)
        if len(changed):
            at = tuple(changed[0].tolist())
            notes.append(f"{name}{list(at)}: {weight[at]:.9g} and {exported[at]:.9g}")
    return {
        "parity.weights.compared": Metric(compared, "tensors"),
        "parity.weights.changed_values": Metric(count, "values", note="; ".join(notes[:3])),
    }


def _find_weight(state: ArrayMapping, name: str) -> Array | None:
    """Return the checkpoint's weight with the name of an initializer."""
    if name in state:
        weight = state[name]
    elif name.endswith(".T") and name.removesuffix(".T") in state:
        weight = state[name.removesuffix(".T")].T
    else:
        return None
    return weight if weight.ndim >= 2 and weight.dtype.kind == "f" else None


def _read_initializers(onnx: OnnxModel) -> Iterator[tuple[str, Array]]:
    """Yield the initializers of two or more dimensions."""
    from onnx import load, numpy_helper

    model = load(onnx.model, load_external_data=False)
    for tensor in model.graph.initializer:
        if len(tensor.dims) >= 2:
            yield tensor.name, numpy_helper.to_array(tensor, str(onnx.path))


def find_changed_values(weight: Array, exported: Array) -> npt.NDArray[np.bool_]:
    """Return a mask of the elements of an exported weight that differ from the checkpoint's.

    Exporters fold BatchNorm into the previous layer, which multiplies each output channel by one
    number. A weight is therefore unchanged if, along one of its axes, each slice is a multiple of
    the checkpoint's. Zeros stay zeros, so a revived pruned weight always counts.

    Args:
        weight: Floating point, of one dimension or more.
        exported: The same shape and dtype.
    """
    if np.array_equal(weight, exported, equal_nan=True):
        return np.zeros(weight.shape, bool)
    masks = (_find_nonmultiples(weight, exported, axis) for axis in range(weight.ndim))
    return min(masks, key=np.count_nonzero)


def _find_nonmultiples(weight: Array, exported: Array, axis: int) -> npt.NDArray[np.bool_]:
    """Return a mask of the elements without the factor that most of their slice has."""
    a, b = (np.moveaxis(array, axis, 0).astype(np.float64) for array in (weight, exported))
    a, b, shape = a.reshape(len(a), -1), b.reshape(len(b), -1), a.shape
    factors = np.zeros(len(a))
    for index, (row, other) in enumerate(zip(a, b, strict=True)):
        nonzero = row != 0
        with np.errstate(over="ignore"):
            factors[index] = np.median(other[nonzero] / row[nonzero]) if nonzero.any() else 0.0
    expected = a * factors[:, None]
    limits = np.finfo(weight.dtype)
    allowed = ROUNDING * float(limits.eps) * np.abs(expected) + float(limits.tiny)
    same = np.abs(b - expected) <= allowed
    return np.moveaxis(~same.reshape(shape), 0, axis)


def measure_sparsity(module: nn.Module, masked: Collection[str]) -> Metrics:
    """Count zeros among weights of two or more dimensions, the usual targets of pruning.

    Args:
        module: The finalized model.
        masked: The weights that had masks, by state-dict name.

    Returns:
        ``sparsity.amount`` of the weights that had masks, ``sparsity.weights`` of all weights,
        and ``sparsity.layer.NAME`` of each.
    """
    held = dict(module.named_parameters())
    reached = [_count_zeros(held[name]) for name in masked if name in held]
    amount = _sparsity_metric(*_add_columns(reached))
    counts = {
        name.removesuffix(".weight"): _count_zeros(weight)
        for name, weight in held.items()
        if weight.ndim >= 2
    }
    return {"sparsity.amount": amount, **_sparsity_metrics(counts)}


def _count_zeros(weight: torch.Tensor) -> tuple[int, int]:
    return weight.numel() - int(weight.count_nonzero()), weight.numel()


def _add_columns(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    zeros, values = (sum(column) for column in zip((0, 0), *counts, strict=True))
    return zeros, values


def inspect_weights(
    forms: ModelForms, onnx: OnnxModel | None, artifact: PackedArtifact | None
) -> Metrics:
    """Return the sparsity of the pruned model, and what only its torch form can show."""
    final = forms.modules.get("pruned")
    if final is None:
        return _measure_graph_sparsity(onnx, artifact)
    metrics = count_training_layers(*forms.modules.values()) | measure_sparsity(
        final, forms.spec.masked
    )
    return metrics | ({} if onnx is None else compare_weights(onnx, final))


def _measure_graph_sparsity(onnx: OnnxModel | None, artifact: PackedArtifact | None) -> Metrics:
    """Return the metrics of :func:`measure_sparsity` for a model that exists as ONNX only."""
    if onnx is not None:
        return _sparsity_metrics(count_graph_zeros(onnx.model))
    assert artifact is not None, "one of the two exists"
    with TemporaryDirectory() as folder:
        unpack(artifact.file, Path(folder, "files"))
        with Artifact.open(artifact.file) as opened:
            model = next(iter(opened.files))
        return _sparsity_metrics(count_graph_zeros(Path(folder, "files", model)))


def _sparsity_metrics(counts: Mapping[str, tuple[int, int]]) -> Metrics:
    """Return the sparsity of all weights, and that of each layer."""
    zeros, values = _add_columns(counts.values())
    layers = {f"sparsity.layer.{name}": _sparsity_metric(*count) for name, count in counts.items()}
    return {"sparsity.weights": _sparsity_metric(zeros, values), **layers}


def _sparsity_metric(zeros: int, values: int) -> Metric:
    percent = 100 * zeros / values if values else 0.0
    return Metric(percent, "%", note=f"{zeros:,} of {values:,} are zero")
