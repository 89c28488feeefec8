"""``prunepack diff``: the tensors that differ between two models, with their changes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from prunepack.coding.near_zeros import NearZeros, describe_near_zeros
from prunepack.diff.content import open_content
from prunepack.diff.tensors import compare
from prunepack.pipeline.cli.command import command, input_argument, json_option
from prunepack.pipeline.cli.console import format_table, print_result
from prunepack.pipeline.cli.limits_options import limits_options
from prunepack.pipeline.cli.views.artifact import format_shape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from prunepack.diff.content import TensorSpec
    from prunepack.diff.tensors import Differences, FormalChange
    from prunepack.diff.values import ValueChange
    from prunepack.format.limits import Limits
    from prunepack.pipeline.cli.console import Console

__all__ = ["diff_command"]


@command(example="prunepack diff work/dense_onnx/model.onnx work/onnx/model.onnx")
@input_argument("before")
@input_argument("after")
@limits_options
@json_option
@click.pass_obj
def diff_command(
    console: Console, before: Path, after: Path, *, limits: Limits, as_json: bool
) -> int:
    """Show the tensors that differ between two models.

    BEFORE and AFTER are each a .prunepack file, an .onnx model or a .safetensors checkpoint.

    For each tensor whose values differ: the number of elements that changed; the largest absolute
    difference and its position; the norm of the difference, relative to the norm before; the
    fraction of zeros before and after; the numbers of elements that became zero, that were zero
    before, and that are NaN on either side. A zero is an element whose bits are all zero.

    Exit codes: 0 the models are the same, 1 they differ.
    """
    with (
        open_content(str(before), limits) as left,
        open_content(str(after), limits) as right,
        console.bar("comparing") as progress,
    ):
        differences = compare(left, right, progress)
    print_result("\n\n".join(_as_text(differences)), _as_json(differences), as_json=as_json)
    return 1 if differences else 0


def _as_text(differences: Differences) -> Iterator[str]:
    if differences.formal:
        formal = [
            (change.kind, _format_name(change), _format_specs(change))
            for change in differences.formal
        ]
        yield format_table(("", "tensor", "type and shape"), formal)
    if differences.values:
        head = ("tensor", "changed", "largest", "at", "norm", "zeros", "zeroed", "revived", "NaN")
        rows = [_value_row(name, change) for name, change in differences.values.items()]
        yield format_table(head, rows, right="changed largest norm zeros zeroed revived NaN")
    yield _summary(differences)
    yield from _describe_near_zeros(differences.values.values())


def _describe_near_zeros(changes: Collection[ValueChange]) -> Iterator[str]:
    """Yield a sentence for each side whose changed tensors have many such elements."""
    elements = sum(change.spec.elements for change in changes)
    for side in ("before", "after"):
        names = (f"negative_zeros_{side}", f"denormals_{side}")
        counts = NearZeros(*(sum(getattr(c, name) for c in changes) for name in names))
        if text := describe_near_zeros(counts, elements):
            yield f"Changed tensors {side}: {text}"


def _format_name(change: FormalChange) -> str:
    return f"{change.was} → {change.name}" if change.was else change.name


def _format_specs(change: FormalChange) -> str:
    sides = (change.before, change.after)
    return " → ".join(dict.fromkeys(_format_spec(side) for side in sides if side))


def _format_spec(spec: TensorSpec) -> str:
    return f"{spec.dtype.name} {format_shape(spec.shape)}"


def _value_row(name: str, change: ValueChange) -> tuple[str, ...]:
    elements = change.spec.elements
    before, after = (100 * n / elements for n in (change.zeros_before, change.zeros_after))
    return (
        name,
        f"{change.changed:,} ({100 * change.changed / elements:.1f} %)",
        "–" if change.largest_at is None else f"{change.largest:.4g}",
        ", ".join(map(str, _index(change))),
        "–" if change.relative is None else f"{100 * change.relative:.3g} %",
        f"{before:.1f} → {after:.1f} %",
        f"{change.newly_zero:,}",
        f"{change.revived:,}",
        f"{change.nan:,}",
    )


def _index(change: ValueChange) -> list[int]:
    """Return the position of the largest difference, one index per dimension."""
    at = change.largest_at or 0
    index: list[int] = []
    for size in reversed(change.spec.shape):
        at, part = divmod(at, size)
        index.insert(0, part)
    return index if change.largest_at is not None else []


def _summary(differences: Differences) -> str:
    kinds = Counter(change.kind for change in differences.formal)
    counts = {"changed": len(differences.values), **kinds, "the same": differences.same}
    tensors = "Tensors: " + ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    others = "differ: the graph, its metadata, or tensors too small to be told apart"
    return f"{tensors}\nAll other bytes {others if differences.literals else 'are the same'}"


def _as_json(differences: Differences) -> dict[str, Any]:
    return {
        "same": not differences,
        "other_bytes_differ": differences.literals,
        "same_tensors": differences.same,
        "tensors": [
            *map(_formal_json, differences.formal),
            *map(_value_json, differences.values.items()),
        ],
    }


def _formal_json(change: FormalChange) -> dict[str, Any]:
    sides = {"before": _spec_json(change.before), "after": _spec_json(change.after)}
    return {"name": change.name, "was": change.was, "kind": change.kind, **sides}


def _value_json(item: tuple[str, ValueChange]) -> dict[str, Any]:
    name, change = item
    names = [field.name for field in fields(change) if field.name != "spec"]
    counted = {name: _finite(getattr(change, name)) for name in names}
    counted["largest_at"] = _index(change)
    spec = _spec_json(change.spec)
    return {"name": name, "kind": "values", "before": spec, "after": spec, **counted}


def _spec_json(spec: TensorSpec | None) -> dict[str, Any] | None:
    return spec and {"dtype": spec.dtype.name, "shape": spec.shape}


def _finite(value: Any) -> Any:
    """Return a text in place of a number that JSON cannot express."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
