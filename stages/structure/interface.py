"""Inputs and outputs of an exported file: as recorded, as declared, and as they come out."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from prunepack.stages.exporting.declarations import declare_graph
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, ArrayMapping
    from prunepack.stages.contract.outputs import OnnxModel
    from prunepack.stages.exporting.declarations import Declaration, Declarations

__all__ = ["compare_interface", "list_interface_differences", "list_shape_differences"]

NOTED = 3
"""Differences that a note shows."""


def compare_interface(onnx: OnnxModel, inputs: ArrayMapping, outputs: ArrayMapping) -> Metrics:
    """Compare the declarations of a file with the record of its export and with its outputs.

    Args:
        onnx: The file, with its record.
        inputs: The inputs of one run.
        outputs: The outputs of that run, in the order of the file.
    """
    declared, record = declare_graph(read_model(onnx.model).graph), onnx.interface
    recorded = record.get("declared", {})
    differences = list(list_interface_differences(recorded, declared))
    if "export" in record:  # another exporter may honestly declare too much
        differences += list_shape_differences(declared, inputs, [*outputs.values()])
    note = "; ".join(differences[:NOTED])
    return {"parity.interface.differences": Metric(len(differences), note=note)}


def list_interface_differences(
    recorded: Mapping[str, Any], declared: Declarations
) -> Iterator[str]:
    """Yield the inputs and outputs of a file that are not those of the record, by position."""
    for end, expected in recorded.items():
        pairs = zip_longest(expected, declared[end])
        for position, (wanted, found) in enumerate(pairs):
            if problem := _compare_declarations(wanted, found):
                yield f"{end[:-1]} {position} {problem}"


def _compare_declarations(wanted: Declaration | None, found: Declaration | None) -> str:
    """Return the difference in words; empty if there is none."""
    if wanted is None:
        return f"`{found['name']}` is extra" if found else ""
    if found is None:
        return f"`{wanted['name']}` is missing"
    if wanted["name"] != found["name"]:
        return f"is `{found['name']}`, not `{wanted['name']}`"
    if wanted["dtype"] != found["dtype"]:
        return f"`{found['name']}` is {found['dtype']}, not {wanted['dtype']}"
    axes, others = wanted["axes"], found["axes"]
    if axes is None or others is None:
        return ""
    same = len(axes) == len(others) and all(map(_fits, axes, others))
    return "" if same else f"`{found['name']}` has the axes {_show(others)}, not {_show(axes)}"


def _fits(wanted: int | str | None, found: int | str | None) -> bool:
    """Return whether both axes are dynamic, or have one size; None may be any size."""
    if wanted is None:
        return True
    return wanted == found if isinstance(wanted, int) else not isinstance(found, int)


def _show(axes: Sequence[int | str | None]) -> str:
    return f"[{', '.join(str(axis or '?') for axis in axes)}]"


def list_shape_differences(
    declared: Declarations, inputs: ArrayMapping, outputs: Sequence[Array]
) -> Iterator[str]:
    """Yield the outputs whose dtypes or sizes are not the declared ones."""
    sizes = _bind_axes(declared["inputs"], inputs)
    for each, array in zip(declared["outputs"], outputs, strict=False):
        if each["axes"] is None:
            continue
        wanted = [sizes.get(axis, axis) for axis in each["axes"]]
        if len(wanted) != array.ndim or not all(map(_holds, wanted, array.shape)):
            yield f"`{each['name']}` is declared as {_show(each['axes'])}, not {list(array.shape)}"


def _bind_axes(
    declared: Sequence[Declaration], inputs: ArrayMapping
) -> dict[int | str | None, int]:
    """Return the size of each named axis of the inputs; none for a name with several sizes."""
    sizes: dict[int | str | None, set[int]] = {}
    for each in declared:
        shape = inputs[each["name"]].shape if each["name"] in inputs else ()
        for axis, size in zip(each["axes"] or (), shape, strict=False):
            if isinstance(axis, str):
                sizes.setdefault(axis, set()).add(size)
    return {axis: min(found) for axis, found in sizes.items() if len(found) == 1}


def _holds(wanted: int | str | None, size: int) -> bool:
    return not isinstance(wanted, int) or wanted == size
