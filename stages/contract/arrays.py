"""Type aliases for numpy arrays and for arrays by name, and the refusal of non-finite ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy.typing as npt

from prunepack.errors import RefusedError

__all__ = ["Array", "ArrayMapping", "Arrays", "refuse_non_finite"]

Array: TypeAlias = npt.NDArray[Any]
"""An array of any dtype and shape."""

Arrays: TypeAlias = dict[str, Array]
"""Arrays by the name of the model's input or output."""

ArrayMapping: TypeAlias = Mapping[str, Array]
"""Arrays by name that the callee only reads."""


def refuse_non_finite(name: str, count: int) -> None:
    """Refuse a parameter with ``count`` elements that are NaN or infinite, unless that is 0.

    Raises:
        RefusedError: If there is such an element.
    """
    if count:
        raise RefusedError(
            f"parameter `{name}` is not finite",
            expected="finite numbers",
            found=f"{count:,} NaN or Inf",
            hint="Load weights that are finite: training diverged, or float16 overflowed "
            "beyond 65504",
        )
