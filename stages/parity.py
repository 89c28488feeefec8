"""How far two sets of outputs are apart; every output, every element, NaN never equal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.metrics import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["Comparison", "tolerance"]


def tolerance(expected: Array, found: Array) -> tuple[float, tuple[int, ...]]:
    """Return the smallest t with ``|expected - found| <= t + t * |expected|``, and the worst place.

    That is numpy's ``allclose`` with atol = rtol = t. It is NaN if any element of either is NaN,
    and where infinities differ; equal infinities are 0 apart.

    Args:
        expected: Array of any shape and numeric dtype.
        found: Array of the same shape.
    """
    if expected.size == 0:
        return 0.0, ()
    wide = np.result_type(expected.dtype, np.float64)
    a, b = expected.astype(wide), found.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where(a == b, 0.0, np.abs(a - b) / (1 + np.abs(a)))
    where = np.unravel_index(int(np.argmax(apart)), a.shape)  # the first NaN, if there is one
    return float(apart[where]), tuple(int(index) for index in where)


@dataclass
class Comparison:
    """The running comparison of two programs over batches of the same samples.

    Attributes:
        link: What is compared, for the metrics' names, such as ``torch_onnx``.
        exact: Whether the rule is bit for bit, not a tolerance.
    """

    link: str
    exact: bool = False
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    differing: int = 0
    nonfinite: int = 0
    samples: int = 0

    def add(self, expected: Mapping[str, Array], found: Mapping[str, Array], samples: int) -> None:
        """Compare one batch of outputs."""
        first, self.samples = self.samples, self.samples + samples
        for name in sorted(expected.keys() | found.keys()):
            if name not in expected or name not in found:
                side = "missing" if name in expected else "extra"
                self.problems[name] = f"{name} is {side}"
                continue
            self._compare(name, expected[name], found[name], first)

    def _compare(self, name: str, a: Array, b: Array, first: int) -> None:
        if a.shape != b.shape or a.dtype != b.dtype:
            self.problems[name] = f"{name}: {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
            return
        if a.dtype.kind == "f":
            self.nonfinite += int((~np.isfinite(a) | ~np.isfinite(b)).sum())
        if self.exact:
            bits = f"V{a.dtype.itemsize}"
            same = np.ascontiguousarray(a).view(bits) == np.ascontiguousarray(b).view(bits)
            self.differing += int((~same).sum())
        apart, where = tolerance(a, b)
        before = self.worst.get(name, (-1.0, ""))[0]
        if math.isnan(apart) or (not math.isnan(before) and apart > before):
            self.worst[name] = (apart, _place(name, a, b, where, first))

    def metrics(self) -> Metrics:
        """Return the figures of the comparison by name."""
        prefix = f"parity.{self.link}"
        found: Metrics = {
            f"{prefix}.samples": Metric(self.samples, "samples"),
            f"{prefix}.outputs": Metric(len(self.worst), "outputs"),
            f"{prefix}.unmatched_outputs": Metric(
                len(self.problems), "outputs", note="; ".join(sorted(self.problems.values()))
            ),
        }
        if self.exact:
            found[f"{prefix}.differing_values"] = Metric(self.differing, "values")
            return found
        worst, place = self._worst()
        found[f"{prefix}.nonfinite"] = Metric(self.nonfinite, "values")
        found[f"{prefix}.tolerance"] = Metric(worst, note=place)
        return found

    def _worst(self) -> tuple[float, str]:
        """Return the worst of all outputs; NaN if one is NaN or none was compared."""
        rows = list(self.worst.values())
        if not rows:
            return math.nan, "no output was compared"
        return max(rows, key=lambda row: (math.isnan(row[0]), row[0]))


def _place(name: str, a: Array, b: Array, where: tuple[int, ...], first: int) -> str:
    if not a.size:
        return f"{name} is empty"
    index = ", ".join(map(str, (first + where[0], *where[1:]) if where else ()))
    return f"{name}[{index}]: {a[where]:.9g} and {b[where]:.9g}"
