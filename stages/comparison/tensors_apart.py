"""How far two tensors of two programs are apart, when what changed is looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.comparison.error import tolerance

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Apart", "apart"]


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two tensors are apart.

    Attributes:
        amount: The smallest tolerance that would have passed; infinity where none would.
        dtype: The dtype that limits it: the narrower of two of the same kind.
        note: The worst element: its index and both values; or why they cannot be compared.
        size: Bytes.
    """

    amount: float
    dtype: str
    note: str = ""
    size: int = 0


def apart(expected: Any, found: Any) -> Apart:
    """Compare two tensors; NaN equals NaN, since only what changes is looked for.

    Floating-point tensors of two widths are compared by value.
    """
    if isinstance(expected, list) and isinstance(found, list):  # a sequence
        if len(expected) != len(found):
            return Apart(math.inf, "", f"{len(expected)} and {len(found)} tensors")
        pairs = [apart(x, y) for x, y in zip(expected, found, strict=True)]
        return max(pairs, key=lambda one: one.amount, default=Apart(0.0, ""))
    a, b = np.asarray(expected), np.asarray(found)
    dtype = min(a.dtype, b.dtype, key=lambda one: one.itemsize).name
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        shapes = f"{a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
        return Apart(math.inf, dtype, shapes, a.nbytes)
    if a.dtype.kind not in "fiub":
        return Apart(0.0 if np.array_equal(a, b) else math.inf, dtype, "other values", a.nbytes)
    return _numbers(a, b, dtype)


def _numbers(a: npt.NDArray[Any], b: npt.NDArray[Any], dtype: str) -> Apart:
    if a.dtype.kind == "f":
        both = np.isnan(a) & np.isnan(b)
        a, b = np.where(both, 0, a), np.where(both, 0, b)
    amount, where = tolerance(a, b)
    note = f"[{', '.join(map(str, where))}]: {a[where]:.9g} and {b[where]:.9g}" if a.size else ""
    return Apart(math.inf if math.isnan(amount) else amount, dtype, note, a.nbytes)
