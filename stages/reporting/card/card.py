"""Model card: front matter, results, use and limits of a release."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunepack.stages.reporting.card.front_matter import list_front_matter
from prunepack.stages.reporting.drawing.words import format_bytes, format_percent
from prunepack.stages.reporting.page.cards import make_cards
from prunepack.stages.reporting.page.cautions import list_cautions
from prunepack.stages.reporting.page.headline import describe_gain, describe_verdict
from prunepack.stages.reporting.wording import format_metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Template

    from prunepack.stages.reporting.report import Report

__all__ = ["CardFacts", "to_card"]

SHOWN = (
    "accuracy.dense",
    "accuracy.artifact",
    "accuracy.drop",
    "similarity.mean_cosine",
    "sparsity.weights",
    "size.dense_onnx",
    "size.artifact",
    "size.ratio",
    "latency.batch_1.ratio",
)
"""Metrics of the table, as far as they were measured."""


class CardFacts(NamedTuple):
    """Facts that a report does not have.

    Attributes:
        name: The name of the model.
        settings: The settings of pruning, by key.
        dataset: The dataset that accuracy was measured on; empty if there is none.
        license: The identifier of a license; empty if the user gives none.
        base_model: The model before pruning, as a hub names it; empty if the user gives none.
        task: The task, as a hub names it; empty if the user gives none.
    """

    name: str
    settings: dict[str, Any]
    dataset: str = ""
    license: str = ""
    base_model: str = ""
    task: str = ""


def to_card(report: Report, facts: CardFacts) -> str:
    """Return the card as Markdown; the same report gives the same bytes."""
    metrics = report.metrics
    return _open_template().render(
        front_matter=list_front_matter(report, facts),
        facts=facts,
        report=report,
        advice=describe_verdict(report),
        gain=describe_gain(report),
        cards=make_cards(report),
        cautions=list_cautions(report),
        metrics=[(name, metrics[name]) for name in SHOWN if name in metrics],
        layers=[layer for layer in report.details.layers if layer.zeros],
        version=report.details.versions.get("prunepack", ""),
        has_artifact="size.artifact" in metrics,
    )


@cache
def _open_template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 -- Markdown, in which `cell` escapes
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "bytes": format_bytes,
        "cell": escape_cell,
        "json": lambda value: json.dumps(value, ensure_ascii=False),
        "metric": format_metric,
        "percent": format_percent,
    }
    environment.filters |= filters
    return environment.get_template("card.md.jinja")


def escape_cell(text: object) -> str:
    """Return a text for one line or cell of Markdown, without HTML."""
    plain = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return plain.replace("|", "\\|")
