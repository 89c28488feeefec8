"""Console: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "Console",
    "color_text",
    "escape_controls",
    "format_table",
    "print_json",
    "print_result",
]

T = TypeVar("T")


REDRAWS = 50
"""Largest number of times that a progress bar is drawn."""

GAP = "  "
LEAST_ROOM = 20
"""Columns of the last column of a table on a narrow terminal."""
LINES = re.compile(r"\n")
COLORS_AND_LINES = re.compile(r"\n|\x1b\[\d+m")
"""Controls of prunepack's own output, with colours as ``click.style`` writes them."""
NOTHING = re.compile(r"(?!)")


class Console:
    """Progress on a terminal, messages unless ``quiet``, details if ``verbose``."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet, self.verbose = quiet, verbose
        self._live = sys.stderr.isatty() and not quiet

    def track(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:
        """Yield ``items`` under a progress bar."""
        if not self._live:
            yield from items
            return
        steps = max(total // REDRAWS, 1)
        with click.progressbar(
            items, total, f"  {what}", show_pos=True, file=sys.stderr, update_min_steps=steps
        ) as bar:
            yield from bar

    @contextmanager
    def bar(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Provide a function of (done, total) that moves a progress bar."""
        if not self._live:
            yield lambda _done, _total: None
            return
        with click.progressbar(length=1000, label=f"  {what}", file=sys.stderr) as bar:

            def move(done: int, total: int) -> None:
                bar.update(1000 * done // max(total, 1) - bar.pos)

            yield move

    def note(self, text: str) -> None:
        """Show a line about the progress of a long step, on a terminal or if verbose."""
        if self._live or self.verbose:
            self.message(f"  {text}")

    def remark(self, text: str) -> None:
        """Show an assumption that a stage made, unless quiet."""
        self.message(f"note: {text}")

    def message(self, text: str) -> None:
        """Show a line, unless quiet."""
        if not self.quiet:
            click.echo(escape_controls(text), err=True)


def print_result(text: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result on stdout, as text or as one JSON object."""
    if as_json:
        print_json(dict(facts))
    else:
        click.echo(escape_controls(text, COLORS_AND_LINES))


def print_json(value: Any) -> None:
    """Print a JSON value on one line of stdout, in ASCII where the encoding is not UTF-8."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    click.echo(json.dumps(value, ensure_ascii=encoding != "utf8"))


def escape_controls(text: str, kept: re.Pattern[str] = LINES) -> str:
    """Return ``text`` with escapes for what drives a terminal or reorders what it shows.

    Names in the models of others may hold such characters. ``kept`` matches what stays.
    """
    if text.isprintable():
        return text
    parts = []
    end = 0
    for match in kept.finditer(text):
        parts += [_escape(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, _escape(text[end:])])


def _escape(text: str) -> str:
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def color_text(text: str, color: str) -> str:
    """Return ``text`` in ``color`` if stdout is a terminal with colours."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, fg=color)


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: str = "") -> str:
    """Return rows of text in aligned columns; the last column wraps at the terminal's width.

    Args:
        header: The heads of the columns.
        rows: One text per column each.
        right: The heads of columns that are aligned to the right, separated by spaces.
    """
    lines = [
        tuple(header),
        *(tuple(escape_controls(cell, NOTHING) for cell in row) for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_right = [head in right.split() for head in header]
    indent = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    room = max(shutil.get_terminal_size().columns - indent, LEAST_ROOM)
    if not to_right[-1]:
        widths[-1] = min(widths[-1], room)

    def format_row(cells: Sequence[str]) -> Iterator[str]:
        first, *others = [cells[-1]] if to_right[-1] else _wrap(cells[-1], room)
        padded = (
            cell.rjust(width) if flip else cell.ljust(width)
            for cell, width, flip in zip([*cells[:-1], first], widths, to_right, strict=True)
        )
        yield GAP.join(padded).rstrip()
        yield from (" " * indent + other for other in others)

    rule = GAP.join("─" * width for width in widths)
    texts = [line for cells in lines[1:] for line in format_row(cells)]
    return "\n".join([*format_row(lines[0]), rule, *texts])


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
