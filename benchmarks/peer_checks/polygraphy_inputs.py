"""Data loader script of ``polygraphy run``: the inputs of the comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["load_data"]


def load_data() -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield the one batch in ``inputs.npz`` of the working directory."""
    with np.load("inputs.npz") as arrays:
        yield dict(arrays)
