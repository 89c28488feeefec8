"""Base of the records of details."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["DetailRecord"]


class DetailRecord(BaseModel):
    """Base of all records: frozen, without undeclared fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )
