"""Command ``prunepack bisect``: the first node at which two models diverge, and its module."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from prunepack.pipeline.cli.command import command, input_argument, json_option
from prunepack.pipeline.cli.console import color_text, print_result
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.stages.bisection.bisect import BisectConfig, bisect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prunepack.stages.bisection.result import Bisection, Divergence

__all__ = ["bisect_command"]

MOST_LINES = 8
"""Number of differences between the files that are shown; ``--json`` has all of them."""

INDENT = 14
"""Column of the text behind the heads of the lines."""


@command(example="prunepack bisect work/final work/onnx")
@input_argument("a", metavar="A")
@input_argument("b", metavar="B")
@config_options(BisectConfig)
@json_option
def bisect_command(a: Path, b: Path, *, as_json: bool, **options: str | bool | None) -> int:
    """Find the first node at which two models diverge.

    A is the reference model, and B is the other model. Each is an .onnx or .prunepack file, or the
    folder of a checkpoint, an export or a pack. The result also names the torch module of the node.

    Exit codes: 0 the outputs agree, 1 they differ, 5 no output could be compared.
    """
    result = bisect(a, b, make_config(BisectConfig, options))
    print_result("\n".join(_format_result(result)), result.to_json(), as_json=as_json)
    return result.exit_code


def _format_result(result: Bisection) -> Iterator[str]:
    yield f"A  {result.a}"
    yield f"B  {result.b}"
    yield ""
    if not result.outputs:
        yield color_text("Nothing was compared: the models have no output in common.", "red")
    elif result.agree:
        yield color_text("All outputs agree.", "green")
    elif result.divergence is None:
        yield color_text("The outputs differ, but no node diverges.", "red")
        yield _row("hint", "Compare the names, number and order of the outputs")
    else:
        yield from _format_divergence(result.divergence)
        yield _row("before it", f"{result.agreed_before} of the compared tensors agree")
    yield from _format_outputs(result)
    yield from _format_files(result)
    yield _row("runs", f"{result.runs}, whole or in part, for {result.compared} tensors")


def _format_divergence(divergence: Divergence) -> Iterator[str]:
    yield color_text(f"Divergence at {divergence.node} ({divergence.op})", "red")
    yield _row("module", divergence.module or "not known from the names in the files")
    counterpart = divergence.counterpart, divergence.counterpart_op
    if counterpart != (divergence.node, divergence.op):
        yield _row("in B", f"{counterpart[0]} ({counterpart[1]})")
    is_element = divergence.worst.startswith("[")
    yield _row("tensor", f"{divergence.tensor}{divergence.worst if is_element else ''}")
    if not is_element:
        yield _row("", divergence.worst)
    needed = _format_tolerance(divergence.tolerance), _format_tolerance(divergence.inputs)
    yield _row("tolerance", f"{needed[0]}; for its inputs, {needed[1]}")
    isolated = f"{_format_tolerance(divergence.isolated)} on the same inputs"
    yield _row("isolated", f"{isolated}: {_format_verdict(divergence)}")
    no_cause = "nothing in the files: the same operator, attributes and constants"
    yield from _rows("cause", list(divergence.causes) or [no_cause])


def _format_verdict(divergence: Divergence) -> str:
    if divergence.confirmed:
        return "this is the cause"
    return "this is not the cause, it magnifies rounding errors from before it"


def _format_outputs(result: Bisection) -> Iterator[str]:
    outputs = result.outputs.items()
    yield from _rows("outputs", [f"{n}: {_format_tolerance(t)}" for n, t in outputs])
    limits = ", ".join(f"{dtype} {limit:g}" for dtype, limit in result.tolerance.items())
    yield _row("allowed", f"{limits}; 0 for all others")


def _format_files(result: Bisection) -> Iterator[str]:
    matched = f"{result.matched} of {result.nodes} nodes, {result.matched_by_name} by name alone"
    unmatched = [f"{node} has no counterpart" for node in result.unmatched]
    yield from _rows("matched", [matched, *_shorten(unmatched)])
    differences = result.differences.items()
    yield from _rows(
        "files", _shorten([f"{n}: {line}" for n, each in differences for line in each])
    )


def _shorten(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more (--json lists them)"]


def _rows(head: str, texts: list[str]) -> Iterator[str]:
    """Yield one row per text, the first with ``head``."""
    for number, text in enumerate(texts):
        yield _row("" if number else head, text)


def _row(head: str, text: str) -> str:
    """Return ``text`` behind ``head``, wrapped at the width of the terminal."""
    return textwrap.fill(
        text,
        width=shutil.get_terminal_size().columns,
        initial_indent=f"  {head:<{INDENT - 4}}  ",
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _format_tolerance(tolerance: float | None) -> str:
    return "no tolerance is enough" if tolerance is None else f"{tolerance:.3g} needed"
