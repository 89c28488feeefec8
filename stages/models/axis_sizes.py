"""Sizes of dynamic axes in samples: the first ones that the model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.running import compute_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["choose_sizes"]

SIZES = (8, 32, 128, 512, 2048)
"""Sizes of dynamic axes that are tried, in this order."""


def choose_sizes(
    module: nn.Module, inputs: tuple[InputSpec, ...], model: str
) -> tuple[InputSpec, ...]:
    """Return the inputs with the first sizes of dynamic axes that the model takes.

    Raises:
        UsageError: If the model takes none, or only one size of an axis.
    """
    known = {axis: size for spec in inputs for axis, size in _list_sizes(spec)}
    free = [a for a in dict.fromkeys(a for spec in inputs for a in spec.axes) if a not in known]
    first: UsageError | None = None
    for sizes in _propose_sizes(free):
        resized = tuple(spec if spec.file else spec.resize(known | sizes) for spec in inputs)
        try:
            _check_run(module, resized, model)
        except UsageError as error:
            first = first or error
            continue
        held = {axis for spec in inputs if spec.file for axis in spec.axes}
        for axis in dict.fromkeys(
            axis for spec in inputs for axis in spec.axes if axis not in held
        ):
            _check_axis(module, resized, axis)
        return resized
    assert first is not None, "there is a proposal, and it failed"
    raise first


def _list_sizes(spec: InputSpec) -> Iterator[tuple[str, int]]:
    """Yield the dynamic axes of an input whose sizes are given."""
    pairs = zip(spec.shape, spec.example, strict=False)
    yield from ((axis, size) for axis, size in pairs if isinstance(axis, str))


def _propose_sizes(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Yield sizes of axes: different multiples of one size, then equal ones."""
    if not names:
        yield {}
        return
    for size in SIZES:
        yield {name: size * number for number, name in enumerate(names, 1)}
    if len(names) > 1:
        for size in SIZES:
            yield dict.fromkeys(names, size)


def _check_run(module: nn.Module, inputs: Sequence[InputSpec], model: str) -> None:
    """Run the model once.

    Raises:
        UsageError: If it fails.
    """
    arrays = random_inputs(inputs, 2, 0)
    try:
        compute_result(module, arrays)
    except RefusedError as error:
        shapes = ", ".join(f"{name} {array.dtype}{array.shape}" for name, array in arrays.items())
        raise UsageError(
            f"{model} cannot run on the inputs in load.inputs",
            expected=f"a forward() that takes {shapes}",
            found=error.found,
            hint="Correct load.inputs: one per argument of forward, with the shape of one sample, "
            "and batch_axis where the batch is not the first axis",
        ) from error


def _check_axis(module: nn.Module, inputs: Sequence[InputSpec], axis: str) -> None:
    """Run the model with another size of one axis.

    Raises:
        UsageError: If it takes no other size.
    """
    holder = next(spec for spec in inputs if axis in spec.axes)
    size = holder.sample_shape[holder.shape.index(axis)]
    others = [2 * size, size + 1, size - 1, size // 2]
    if any(_takes_size(module, inputs, axis, other) for other in others):
        return
    shape = ", ".join(map(str, holder.sample_shape))
    raise UsageError(
        f"the model cannot be run with a dynamic axis `{axis}`",
        expected="a forward() that takes any size of it",
        found=f"size {size}, and none of {', '.join(map(str, others))}",
        hint=f"Give the size in load.inputs, such as shape = [{shape}]",
    )


def _takes_size(module: nn.Module, inputs: Sequence[InputSpec], axis: str, size: int) -> bool:
    resized = [spec.resize({axis: size}) for spec in inputs]
    try:
        compute_result(module, random_inputs(resized, 2, 0))
    except RefusedError:
        return False
    return True
