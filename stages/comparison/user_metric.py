"""The user's own measure of how good a model's outputs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import UsageError
from prunepack.stages.contract.user_code import load_user_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Score = Callable[[Mapping[str, npt.NDArray[Any]], npt.NDArray[Any]], npt.NDArray[np.float64]]

__all__ = ["open_metric"]


def open_metric(reference: str) -> Score:
    """Return the user's ``function(outputs, labels)``, with what it returns checked.

    ``outputs`` maps the names of the model's outputs to arrays (n, …), ``labels`` is (n, …); the
    result is one finite score per sample, (n,), and a higher one is better.

    Raises:
        UsageError: If it cannot be loaded; when called, if it fails or returns anything else.
    """
    function = load_user_code(reference)

    def score(
        outputs: Mapping[str, npt.NDArray[Any]], labels: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        try:
            scores = np.asarray(function(dict(outputs), labels), np.float64)
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"{reference}(outputs, labels) failed", found=f"{type(error).__name__}: {error}"
            ) from error
        if scores.shape != (len(labels),) or np.isnan(scores).any():
            found = "NaN among them" if scores.shape == (len(labels),) else str(scores.shape)
            raise UsageError(
                f"{reference}(outputs, labels)",
                expected=f"one score for each of {len(labels)} samples",
                found=found,
            )
        return scores

    return score
