"""``prunepack bisect``: the first node at which two programs part, and the module behind it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunepack.pipeline.cli.command import JSON, Verb
from prunepack.pipeline.cli.console import colored
from prunepack.pipeline.cli.options import config_from, options_of
from prunepack.stages.bisection.bisect import BisectConfig, bisect, open_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.bisection.result import Bisection, Place

__all__ = ["command"]

MOST_LINES = 8
"""How many of the differences between files are shown; ``--json`` has them all."""


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack bisect work/final work/onnx",
        callback=_bisect,
        params=[
            click.Argument(["a"], metavar="A"),
            click.Argument(["b"], metavar="B"),
            *options_of(BisectConfig),
            JSON,
        ],
        help="Find the first node at which A and B part, and the torch module behind it. Each is "
        "an .onnx or .prunepack file, or the folder of a checkpoint, an export or a pack; A is the "
        "one that is right.\n\n"
        "Exit codes: 0 they agree, 1 they part, 5 there was no output to compare.",
    )


def _bisect(a: str, b: str, *, as_json: bool, **options: str | bool | None) -> int:
    config = config_from(BisectConfig, options)
    with ExitStack() as opened:
        one, other = (
            opened.enter_context(open_program(Path(path), dynamic_batch=config.dynamic_batch))
            for path in (a, b)
        )
        found = bisect(config, one, other)
    text = json.dumps(found.to_json(), ensure_ascii=False) if as_json else "\n".join(_lines(found))
    click.echo(text)
    return found.exit_code


def _lines(found: Bisection) -> Iterator[str]:
    yield f"A  {found.a}"
    yield f"B  {found.b}"
    yield ""
    if not found.outputs:
        yield colored("Nothing was compared: they have no output in common.", "red")
    elif found.agree:
        yield colored("They agree on every output.", "green")
    elif found.place is None:
        yield colored("Their outputs part; no node does.", "red")
        yield "  what the nodes make agrees: look at the names, number and order of the outputs"
    else:
        yield from _place(found.place)
        yield _row("before it", f"{found.agreed_before} of the tensors compared agree")
    yield from _outputs(found)
    yield from _files(found)
    yield _row("runs", f"{found.runs}, whole or in part, for {found.compared} tensors")


def _place(place: Place) -> Iterator[str]:
    yield colored(f"They part at {place.node} ({place.op})", "red")
    yield _row("module", place.module or "not told by the names in the files")
    if (place.counterpart, place.counterpart_op) != (place.node, place.op):
        yield _row("in B", f"{place.counterpart} ({place.counterpart_op})")
    yield _row("tensor", f"{place.tensor}{place.worst if place.worst[:1] == '[' else ''}")
    if place.worst[:1] != "[":
        yield _row("", place.worst)
    yield _row("tolerance", f"{_needed(place.tolerance)}; its inputs, {_needed(place.inputs)}")
    yield _row("alone", f"{_needed(place.alone)} on the same inputs: {_verdict(place)}")
    for number, line in enumerate(place.causes):
        yield _row("" if number else "because", line)
    if not place.causes:
        yield _row("because", "nothing in the files: the same operator, attributes and constants")


def _verdict(place: Place) -> str:
    if place.confirmed:
        return "it is the cause"
    return "not the cause, it magnifies what rounding has added up before it"


def _outputs(found: Bisection) -> Iterator[str]:
    for number, (name, needed) in enumerate(found.outputs.items()):
        yield _row("" if number else "outputs", f"{name}: {_needed(needed)}")
    limits = ", ".join(f"{dtype} {limit:g}" for dtype, limit in found.tolerance.items())
    yield _row("allowed", f"{limits}; equal, for all others")


def _files(found: Bisection) -> Iterator[str]:
    yield _row(
        "matched",
        f"{found.matched} of {found.nodes} nodes, {found.matched_by_name} by name alone",
    )
    for line in _shortened([f"{one} has no counterpart" for one in found.unmatched]):
        yield _row("", line)
    lines = [f"{node}: {line}" for node, each in found.differences.items() for line in each]
    for number, line in enumerate(_shortened(lines)):
        yield _row("" if number else "files", line)


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more (--json lists them)"]


def _row(head: str, text: str) -> str:
    return f"  {head:<10}  {text}"


def _needed(tolerance: float | None) -> str:
    return "no tolerance passes" if tolerance is None else f"{tolerance:.3g}"
