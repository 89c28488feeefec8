"""Pictures as data: marks with their positions, and the table that holds the same values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Cell", "Mark", "Picture", "Row", "Table", "dot", "line", "rect", "text"]

Cell = str | float | None
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One SVG element.

    Attributes:
        tag: The element.
        attributes: Its attributes; x is in % of the width, y in pixels.
        content: Its text.
    """

    tag: str
    attributes: dict[str, str]
    content: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One drawing of a picture with its words.

    Attributes:
        label: The name of the thing.
        marks: The drawing.
        value: The number beside it, as text.
        detail: More words below.
        state: ``good``, ``bad``, ``undecided`` or empty: the color of the value.
        height: Pixels.
        box: The ``viewBox`` of a drawing that is stretched to its place; empty for one in %.
        ticks: Labels of the y axis with their pixels.
    """

    label: str
    marks: tuple[Mark, ...]
    value: str = ""
    detail: str = ""
    state: str = ""
    height: int = 22
    box: str = ""
    ticks: tuple[tuple[str, float], ...] = ()

    @property
    def title(self) -> str:
        """The row in words, for screen readers."""
        return ", ".join(part for part in (self.label, self.value, self.detail) if part)


@dataclass(frozen=True, slots=True)
class Table:
    """Values behind a picture, as rows of cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def records(self) -> list[dict[str, Cell]]:
        """The rows as objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the page.

    Attributes:
        name: Its key in ``plots.json``.
        title: Its heading.
        description: One sentence on how to read it.
        layout: ``rows`` below one another on one axis, one ``plane``, or ``tiles`` side by side.
        rows: The drawings.
        table: The values, for readers of the page.
        axis: The axis below rows.
        has_heads: Whether the axis names columns, so that it stands above the rows.
        note: A line below the picture.
        legend: Colors and their names.
        plot: The values for other programs, if they need other rows than readers.
    """

    name: str
    title: str
    description: str
    layout: Literal["rows", "plane", "tiles"]
    rows: tuple[Row, ...]
    table: Table
    axis: tuple[Mark, ...] = ()
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    is_wide: bool = True
    plot: Table | None = None
    has_heads: bool = False


def _write(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def line(kind: str, x: tuple[str, str], y: tuple[float, float]) -> Mark:
    """Return a line from the first x and y to the second ones."""
    ends = {"x1": x[0], "y1": _write(y[0]), "x2": x[1], "y2": _write(y[1])}
    return Mark("line", {"class": kind} | ends)


def dot(kind: str, x: str, y: float, radius: float = 5) -> Mark:
    """Return a filled circle."""
    return Mark("circle", {"class": kind, "cx": x, "cy": _write(y), "r": _write(radius)})


def rect(kind: str, x: str, width: str, y: float, height: float) -> Mark:
    """Return a filled rectangle."""
    size = {"x": x, "y": _write(y), "width": width, "height": _write(height)}
    return Mark("rect", {"class": kind, **size})


def text(kind: str, x: str, y: float, content: str, anchor: Anchor = "middle") -> Mark:
    """Return a text; ``y`` is its baseline."""
    return Mark("text", {"class": f"{kind} {anchor}", "x": x, "y": _write(y)}, content)
