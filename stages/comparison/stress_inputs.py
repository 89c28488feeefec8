"""Made-up inputs that show what real ones may not: edges, batch sizes, sizes of open axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.data.samples import random_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from prunepack.stages.contract.model_spec import InputSpec

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["SCALES", "Axis", "Case", "Trial", "open_axes", "random_cases", "trials"]

SCALES = (1024.0, 128.0, 16.0)
"""How large the large values are; powers of two, so that dividing by them loses nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """One batch of made-up inputs.

    Attributes:
        name: What they are, for messages.
        arrays: By input name, (count, *sample).
        count: The number of samples.
        scale: How much larger than usual the floating-point ones are.
    """

    name: str
    arrays: Arrays
    count: int
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """Cases of which the first that the torch model can take is compared.

    Attributes:
        what: What is tried.
        cases: From the most telling to the tamest.
        axis: Whether it is about the size of an open axis.
    """

    what: str
    cases: tuple[Case, ...]
    axis: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """An open axis of the ONNX model's inputs, other than the batch.

    Attributes:
        name: Its symbol.
        places: The (input, axis) that have this size.
        size: The size that the model was exported with.
    """

    name: str
    places: tuple[tuple[str, int], ...]
    size: int


def open_axes(session: Any, inputs: Sequence[InputSpec]) -> list[Axis]:
    """Return the open axes of ``session`` but for the first of each input, which is the batch."""
    shapes = {one.name: one.shape for one in session.get_inputs()}
    places: dict[str, list[tuple[str, int]]] = {}
    sizes: dict[str, int] = {}
    for one in inputs:
        for axis, size in enumerate(one.shape, 1):
            symbol = dict(enumerate(shapes.get(one.name, ()))).get(axis, size)
            if not isinstance(symbol, int):
                name = symbol or f"{one.name}[{axis}]"
                places.setdefault(name, []).append((one.name, axis))
                sizes[name] = size
    return [Axis(name, tuple(where), sizes[name]) for name, where in places.items()]


def random_cases(
    inputs: Sequence[InputSpec], count: int, seed: int, sizes: Mapping[str, int]
) -> Iterator[Case]:
    """Yield ``count`` random samples in batches of one, of two, and of all others."""
    arrays = random_inputs(inputs, count, seed, sizes)
    for at, end in ((0, 1), (1, 3), (3, count)):
        if at < end:
            part = {name: array[at:end] for name, array in arrays.items()}
            yield Case(f"random, batch of {end - at}", part, end - at)


def trials(
    inputs: Sequence[InputSpec], axes: Sequence[Axis], seed: int, sizes: Mapping[str, int]
) -> Iterator[Trial]:
    """Yield zeros, large values, and each open axis at another size; two samples each."""
    usual = random_inputs(inputs, 2, seed, sizes)
    zeros = {name: np.zeros_like(array) for name, array in usual.items()}
    yield Trial("zeros", (Case("zeros", zeros, 2),))
    yield Trial("large values", tuple(_large(inputs, usual, scale, sizes) for scale in SCALES))
    for axis in axes:
        several = {axis.size // 2, axis.size - 1, axis.size + 1, 2 * axis.size}
        other = sorted(several - {axis.size, 0, -1}, key=lambda size: (size > axis.size, size))
        cases = (_resized(inputs, axis, size, seed, sizes) for size in other)
        yield Trial(axis.name, tuple(cases), axis=True)


def _large(
    inputs: Sequence[InputSpec], usual: Arrays, scale: float, sizes: Mapping[str, int]
) -> Case:
    """Multiply floats by ``scale``; integers are the highest valid index, booleans true."""
    arrays = {}
    for one in inputs:
        array = usual[one.name]
        if array.dtype.kind == "f":
            arrays[one.name] = array * array.dtype.type(scale)
        else:
            arrays[one.name] = np.full_like(array, _highest(one, sizes))
    if not any(array.dtype.kind == "f" for array in arrays.values()):
        return Case("highest integers", arrays, 2)
    return Case(f"large values, × {scale:g}", arrays, 2, scale)


def _highest(one: InputSpec, sizes: Mapping[str, int]) -> int:
    top = 1 if one.dtype == "bool" else int(np.iinfo(one.dtype).max)
    return min(sizes.get(one.name, 2) - 1, top)


def _resized(
    inputs: Sequence[InputSpec], axis: Axis, size: int, seed: int, sizes: Mapping[str, int]
) -> Case:
    """Return random samples with ``axis`` at another size."""
    places = set(axis.places)
    resized = [
        one.model_copy(
            update={
                "shape": tuple(
                    size if (one.name, at) in places else old for at, old in enumerate(one.shape, 1)
                )
            }
        )
        for one in inputs
    ]
    return Case(f"{axis.name} of {size}", random_inputs(resized, 2, seed, sizes), 2)


def in_units(outputs: Arrays, units: Mapping[str, float]) -> Arrays:
    """Divide each floating-point output by its unit."""
    return {
        name: array / array.dtype.type(units.get(name, 1.0)) if array.dtype.kind == "f" else array
        for name, array in outputs.items()
    }


def units_of(outputs: Arrays, scale: float) -> dict[str, float]:
    """Return by what outputs for inputs ``scale`` times as large as usual are to be divided.

    Errors of rounding grow with what is added up, and that with the inputs: an absolute
    tolerance is meant for values of ordinary size. A unit is a power of two, ``scale`` or what the
    output's largest value needs, so dividing by it rounds nothing.
    """
    if scale == 1:
        return {}
    return {
        name: max(scale, 2.0 ** np.ceil(np.log2(np.abs(array).max())))
        for name, array in outputs.items()
        if array.dtype.kind == "f" and array.any()
    }
