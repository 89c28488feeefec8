"""Metrics by name, with value, unit and interval, and their form in JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Metric", "Metrics", "Number", "metrics_from_json", "metrics_to_json", "write_json"]

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

EXACT = 2**53
"""Every integer up to this one is also a float."""


def _number_to_json(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _validate_number(value: Any) -> float:
    try:
        number = _number_from_json(value)
    except (KeyError, OverflowError, TypeError):
        number = None
    if number is None:
        raise ValueError("expected a number, or 'NaN', 'Infinity' or '-Infinity'")
    return number


Number = Annotated[
    float,
    PlainValidator(_validate_number),
    PlainSerializer(_number_to_json, return_type=Any, when_used="json"),
    WithJsonSchema(
        {
            "oneOf": [{"type": "number"}, {"enum": [*_WORDS]}],
            "description": "A number; NaN and infinity, which JSON does not have, are words.",
        }
    ),
]
"""A float that JSON can hold, as in :func:`metrics_to_json`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity.

    Attributes:
        value: The value; NaN after a failed measurement, which no limit accepts.
        unit: The unit, such as ``bytes``, ``ms``, ``%``, ``points``; empty for a plain number.
        low: Lower end of the 95 % interval, if the value is an estimate.
        high: Upper end of the interval.
        note: Details in words: the worst element, the host, the number of samples.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_serialization_defaults_required=True,
        use_attribute_docstrings=True,
    )

    value: Number
    unit: str = ""
    low: Number | None = None
    high: Number | None = None
    note: str = ""


Metrics = dict[str, Metric]


def metrics_to_json(metrics: Mapping[str, Metric]) -> dict[str, dict[str, Any]]:
    """Return ``metrics`` as JSON values; NaN and infinities become words."""
    return {
        name: {
            "value": _number_to_json(metric.value),
            "unit": metric.unit,
            "low": _number_to_json(metric.low),
            "high": _number_to_json(metric.high),
            "note": metric.note,
        }
        for name, metric in metrics.items()
    }


def metrics_from_json(value: Any, source: Path) -> Metrics:
    """Return the metrics of the result of :func:`metrics_to_json`.

    Raises:
        RefusedError: If ``value`` has another form.
    """
    try:
        return {name: _metric_from_json(row) for name, row in value.items()}
    except (AttributeError, KeyError, OverflowError, TypeError) as error:
        raise RefusedError(
            f"`{source}` holds no metrics",
            expected="the output of verify, measure or gate",
            found=f"{type(error).__name__}: {error}",
        ) from None


def _number_from_json(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) > EXACT else value
    return _WORDS[value]


def _require_number(value: Any) -> float:
    number = _number_from_json(value)
    if number is None:
        raise TypeError("a metric without a value")
    return number


def _require_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r}")
    return value


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as standard JSON that is indented for people."""
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _metric_from_json(row: Mapping[str, Any]) -> Metric:
    return Metric(
        value=_require_number(row["value"]),
        unit=_require_text(row["unit"]),
        low=_number_from_json(row["low"]),
        high=_number_from_json(row["high"]),
        note=_require_text(row["note"]),
    )
