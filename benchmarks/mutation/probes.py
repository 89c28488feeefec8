"""Search for an input on which two models differ, by far wider than any verification's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from benchmarks.mutation.draft import NotApplicableError
from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.stages.comparison.tolerances import find_allowed_error
from tests.faults.lab import lab, released

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Arrays = dict[str, Array]

__all__ = ["NETWORKS", "find_difference", "measure_accuracy"]

NETWORKS: dict[str, dict[str, tuple[str, tuple[int | str, ...], int]]] = {
    "lenet": {"input": ("float32", (1, 28, 28), 0)},
    "heads": {"image": ("float32", (3, 8, 8), 0)},
    "mixed": {
        "ids": ("int64", (6,), 16),
        "keep": ("bool", (6,), 2),
        "x": ("float32", (6, 4), 0),
        "y": ("float32", (6, 4), 0),
    },
    "words": {"ids": ("int64", ("tokens",), 300)},
}
"""Network → input → dtype, shape of a sample, and number of values of an integer."""

BATCHES = (*range(1, 41), 48, 64, 77, 100, 128, 150, 200, 256, 300)
LENGTHS = range(1, 65)
SCALES = tuple(4.0**power for power in range(-8, 10))
ORT_ERRORS = collect_ort_errors(onnxruntime)
ROUNDING = 64
"""Units in the last place by which honest exporters move a weight."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """Inputs, with their description and the outputs of the right model."""

    name: str
    inputs: Arrays
    outputs: list[Array]


def _open(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _draw(
    network: str, generator: np.random.Generator, count: int, length: int, scale: float = 1.0
) -> Arrays:
    arrays: Arrays = {}
    for name, (dtype, shape, values) in NETWORKS[network].items():
        sizes = [count, *(length if isinstance(size, str) else size for size in shape)]
        floats = dtype == "float32"
        drawn: Array = (
            generator.standard_normal(sizes) * scale
            if floats
            else generator.integers(values, size=sizes)
        )
        arrays[name] = drawn.astype(dtype)
    return arrays


def _fill(arrays: Arrays, name: str, value: float) -> Arrays:
    return arrays | {name: np.full_like(arrays[name], value)}


def _list_inputs(network: str) -> Iterator[tuple[str, Arrays]]:
    """Yield the inputs of all probes."""
    generator = np.random.default_rng(12)
    inputs = NETWORKS[network]
    for count in BATCHES:
        yield f"a batch of {count}", _draw(network, generator, count, 8)
    dynamic = any(isinstance(size, str) for _, shape, _ in inputs.values() for size in shape)
    for length in LENGTHS if dynamic else ():
        yield f"a length of {length}", _draw(network, generator, 4, length)
    for scale in SCALES:
        yield f"values × {scale:g}", _draw(network, generator, 8, 8, scale)
    yield from _list_constants(network, generator)
    if network == "lenet":
        with np.load(lab() / "digits.npz") as digits:
            yield "real digits", {"input": digits["images"].astype(np.float32)}


def _list_constants(network: str, generator: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    """Yield inputs with one constant, single values among zeros, and every integer."""
    inputs = NETWORKS[network]
    usual = _draw(network, generator, 4, 8)
    yield "zeros", {name: np.zeros_like(array) for name, array in usual.items()}
    for name, (dtype, _, values) in inputs.items():
        choices = [0, 1, -1, 1e3, -1e3, 1e5, -1e5] if dtype == "float32" else range(values)
        for value in choices:
            yield f"{name} of {value}", _fill(usual, name, value)
        if dtype == "float32":
            spikes = _draw(network, generator, 64, 8)
            flat = np.zeros_like(spikes[name]).reshape(64, -1)
            places = generator.integers(flat.shape[1], size=64)
            flat[np.arange(64), places] = 10 * generator.standard_normal(64)
            yield f"single values of {name}", spikes | {name: flat.reshape(spikes[name].shape)}
            broken = _draw(network, generator, 4, 8)
            broken[name].reshape(4, -1)[:, 0] = np.nan
            yield f"NaN in {name}", broken


@cache
def _list_probes(network: str) -> tuple[_Probe, ...]:
    session = _open(released(network).model.read_bytes())
    return tuple(
        _Probe(name, inputs, session.run(None, inputs)) for name, inputs in _list_inputs(network)
    )


def find_difference(network: str, right: Any, wrong: Any, *, exact: bool) -> str | None:
    """Return the input that shows the difference of two models; None if none does.

    A difference is one of the interface or a value beyond the tolerance of ``verify``. Where a
    weight of two dimensions or more differs by more than rounding, any other value counts.

    Args:
        network: The key of the network.
        right: Its exported ``ModelProto``.
        wrong: A changed one.
        exact: Whether any other value counts.

    Raises:
        NotApplicableError: If onnxruntime cannot run the changed model on any input.
    """
    try:
        session = _open(wrong.SerializeToString())
    except ORT_ERRORS as error:
        raise NotApplicableError(str(error)) from None
    if _describe(right.graph) != _describe(wrong.graph):
        return "the interface"
    exact = exact or _change_of_weights(right.graph, wrong.graph)
    found = [_compare(session, probe, exact=exact) for probe in _list_probes(network)]
    if all(each == "refused" for each in found):
        raise NotApplicableError("no input can be run")
    shown = [
        f"{probe.name}: {each}"
        for probe, each in zip(_list_probes(network), found, strict=True)
        if each
    ]
    return f"{shown[0]} ({len(shown)} of {len(found)} batches)" if shown else None


def measure_accuracy(images: Array, labels: Array) -> float:
    """Return the accuracy of LeNet in percent."""
    outputs = _open(released("lenet").model.read_bytes()).run(None, {"input": images})
    return float(100 * (outputs[0].argmax(1) == labels).mean())


def _describe(graph: Any) -> list[bytes]:
    return [value.SerializeToString() for value in (*graph.input, *graph.output)]


def _change_of_weights(right: Any, wrong: Any) -> bool:
    """Return whether a weight that both models hold differs by more than rounding."""
    from onnx import numpy_helper

    others = {one.name: one for one in wrong.initializer}
    for one in right.initializer:
        other = others.get(one.name)
        if other is None or len(one.dims) < 2 or one.data_type != 1:
            continue
        a, b = numpy_helper.to_array(one), numpy_helper.to_array(other)
        if a.shape == b.shape and (np.abs(a - b) > ROUNDING * 2.0**-23 * np.abs(a)).any():
            return True
    return False


def _compare(session: Any, probe: _Probe, *, exact: bool) -> str:
    """Return how the outputs differ, in a word; empty if they do not."""
    try:
        outputs = session.run(None, probe.inputs)
    except ORT_ERRORS:
        return "refused"
    for output, expected in zip(outputs, probe.outputs, strict=True):
        if output.dtype != expected.dtype or output.shape != expected.shape:
            return "another shape"
        if _differ(expected, output, exact=exact):
            return "other values"
    return ""


def _differ(expected: Array, actual: Array, *, exact: bool) -> bool:
    if expected.dtype.kind != "f" or exact:
        return not np.array_equal(expected, actual, equal_nan=expected.dtype.kind == "f")
    allowed = find_allowed_error((), "output", expected.dtype.name)
    return not np.allclose(
        actual, expected, allowed.rtol, max(allowed.atol, _floor(expected)), equal_nan=True
    )


def _floor(expected: Array) -> float:
    """Return the rounding error of the largest values, which smaller ones inherit."""
    finite = np.abs(expected[np.isfinite(expected)])
    return float(1e-5 * finite.max()) if finite.size else 0.0
