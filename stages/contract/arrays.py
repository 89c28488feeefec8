"""Type aliases for numpy arrays and for arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy.typing as npt

__all__ = ["Array", "ArrayMapping", "Arrays"]

Array: TypeAlias = npt.NDArray[Any]
"""An array of any dtype and shape."""

Arrays: TypeAlias = dict[str, Array]
"""Arrays by the name of the model's input or output."""

ArrayMapping: TypeAlias = Mapping[str, Array]
"""Arrays by name that the callee only reads."""
