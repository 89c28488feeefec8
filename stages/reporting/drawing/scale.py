"""Axes: positions of values in percent of the width, and round numbers for their ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import line, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.stages.reporting.drawing.picture import Anchor, Mark

__all__ = ["Scale", "draw_axis", "list_ticks"]

STEPS = (1, 2, 5, 10)

MOST = 1e100
"""Largest end of an axis."""


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from ``low`` to ``high``, linear or logarithmic."""

    low: float
    high: float
    is_log: bool = False

    @classmethod
    def cover(cls, values: Iterable[float], *, is_log: bool = False, margin: float = 0.05) -> Scale:
        """Return the axis that holds all finite values (for a logarithm, all positive ones)."""
        known = [v for v in values if math.isfinite(v) and (v > 0 or not is_log)] or [1.0]
        low, high = (min(max(end, -MOST), MOST) for end in (min(known), max(known)))
        if is_log:
            low, high = max(low, 1 / MOST), max(high, 1 / MOST)
            ratio = max((high / low) ** margin, 1.1)
            return cls(low / ratio, high * ratio, is_log=True)
        room = margin * (high - low) or abs(high) * margin or 1.0
        return cls(low - room, high + room)

    def measure(self, value: float) -> float:
        """Return the position of ``value`` from 0 to 1; a value outside is put on the edge.

        NaN is at the end of the axis.
        """
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, self.low))
        part = (value - low) / (high - low)
        return 1.0 if math.isnan(part) else min(max(part, 0.0), 1.0)

    def place(self, value: float) -> str:
        """Return the position as a percentage."""
        return f"{100 * self.measure(value):.2f}%"

    def span(self, low: float, high: float) -> str:
        """Return the width between two values as a percentage."""
        return f"{100 * (self.measure(high) - self.measure(low)):.2f}%"


def list_ticks(scale: Scale, most: int = 6) -> list[float]:
    """Return at most ``most`` round values inside an axis."""
    found = list(_list_log_ticks(scale)) if scale.is_log else _list_linear_ticks(scale, most)
    if scale.is_log and len(found) > most:
        powers = [value for value in found if _is_power(value)]
        stride = -(-len(powers) // most)
        found = powers[::stride]
    if not found and scale.is_log:
        return list_ticks(Scale(scale.low, scale.high), 3)
    return found


def _list_log_ticks(scale: Scale) -> Iterable[float]:
    first, last = (math.floor(math.log10(end)) for end in (scale.low, scale.high))
    for power in range(first, last + 1):
        for step in STEPS[:3]:
            value = step * 10.0**power
            if scale.low <= value <= scale.high:
                yield value


def _is_power(value: float) -> bool:
    return math.isclose(math.log10(value), round(math.log10(value)), abs_tol=1e-9)


def _list_linear_ticks(scale: Scale, most: int) -> list[float]:
    span = scale.high - scale.low
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next((unit * k for k in STEPS if span / (unit * k) <= most), 10 * unit)
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def draw_axis(scale: Scale, labels: Iterable[tuple[float, str]], y: float = 12) -> tuple[Mark, ...]:
    """Return the labels of ticks, each with a short line above it."""
    marks: list[Mark] = []
    for value, label in labels:
        x, part = scale.place(value), scale.measure(value)
        anchor: Anchor = "start" if part < 0.04 else "end" if part > 0.96 else "middle"
        marks += [line("tick", (x, x), (0, 4)), text("mut", x, y + 3, label, anchor)]
    return tuple(marks)
