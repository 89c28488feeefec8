"""Details in files of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.details.records import Details

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_details"]


def read_details(content: Mapping[str, Any]) -> Details:
    """Return the details in the content of a file of metrics; empty ones if it has none.

    Raises:
        RefusedError: If they are malformed or have an unknown key.
    """
    try:
        return Details.model_validate(content.get("details", {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, ("details", *first["loc"])))
        raise RefusedError(
            "the details of the layers and rounds are malformed",
            expected="the output of verify, measure or gate",
            found=f"{place[:80]}: {first['msg']}",
            hint="Measure again",
        ) from None
