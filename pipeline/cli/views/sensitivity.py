"""Sensitivity as text: a table of drops, the rules that are suggested, and their recipe."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.cli.console import format_table
from prunepack.pipeline.recipe_text import format_recipe
from prunepack.pipeline.sensitivity.suggestion import list_rules
from prunepack.stages.reporting.charts.outcomes import list_outcomes
from prunepack.stages.reporting.page.sensitivity_cautions import list_sensitivity_cautions
from prunepack.stages.reporting.wording import format_metric

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.pipeline.recipe import Recipe
    from prunepack.stages.details.sensitivity import (
        Curve,
        CurvePoint,
        Outcome,
        Sensitivity,
        Suggestion,
    )

__all__ = ["format_rules", "format_sensitivity", "format_suggestion", "sensitivity_to_json"]

KEPT = ("exclude", "schedule", "steps", "seed")
"""Settings of the recipe's table of pruning that stay beside suggested rules."""


def format_sensitivity(measured: Sensitivity, files: Sequence[Path]) -> str:
    """Return the curves, the suggested rules and the files."""
    unit = f", {measured.recipe.drop.unit}" if measured.recipe.drop.unit else ""
    best = measured.suggestions[0]
    return "\n".join(
        [
            f"{measured.metric} {format_metric(measured.dense)} on {measured.samples}",
            f"drop{unit}, of each layer pruned alone, with half of its 95 % interval:",
            "",
            _format_curves(measured),
            "",
            f"all layers pruned, before fine-tuning (goal: {best.goal}):",
            "",
            _format_outcomes(measured),
            "",
            *_format_cautions(measured),
            format_rules(measured),
            "",
            *map(str, files),
        ]
    )


def _format_cautions(measured: Sensitivity) -> list[str]:
    cautions = list_sensitivity_cautions(measured)
    return [*(f"caution: {text}" for text in cautions), *([""] if cautions else [])]


def format_rules(measured: Sensitivity) -> str:
    """Return the rules of the best suggestion as TOML."""
    return format_recipe({"prune": _make_table({}, measured.suggestions[0])})


def _format_curves(measured: Sensitivity) -> str:
    """Return the curves as a table; where it is too wide, names have lines of their own."""
    amounts = [f"{point.amount:.4g}" for point in measured.curves[0].points]
    rows = [
        (*_describe_layer(curve), *map(_format_point, curve.points)) for curve in measured.curves
    ]
    head, right = ("layer", "method", "weights", *amounts), f"weights {' '.join(amounts)}"
    table = format_table(head, rows, right)
    if max(map(len, table.splitlines())) <= shutil.get_terminal_size().columns:
        return table
    heads, rule, *lines = format_table(amounts, [row[3:] for row in rows], right).splitlines()
    names = (f"{layer}, {method}, {weights} weights" for layer, method, weights, *_ in rows)
    pairs = (f"{name}\n{line}" for name, line in zip(names, lines, strict=True))
    return "\n".join([heads, rule, *pairs])


def _describe_layer(curve: Curve) -> tuple[str, str, str]:
    return curve.layer or "(the model itself)", curve.method, f"{curve.weights:,}"


def _format_point(point: CurvePoint) -> str:
    half = (point.high - point.low) / 2
    digits = 2 if not half or half >= 0.05 else min(6, 1 - math.floor(math.log10(half)))
    return f"{point.drop:.{digits}f}±{half:.{digits}f}"


def _format_outcomes(measured: Sensitivity) -> str:
    rows = [(name, *_list_cells(outcome)) for name, outcome in list_outcomes(measured)]
    head = ("rules", "sparsity", "bytes", "drop")
    return format_table(head, rows, right="sparsity bytes drop")


def _list_cells(outcome: Outcome) -> tuple[str, ...]:
    sparsity = f"{100 * outcome.sparsity:.2f} %"
    return sparsity, f"{outcome.bytes:,}", format_metric(outcome.drop)


def format_suggestion(recipe: Recipe, measured: Sensitivity) -> str:
    """Return the recipe with the rules of the best suggestion in place of its own."""
    best = measured.suggestions[0]
    tables = recipe.plan.model_dump(mode="json", exclude_unset=True, exclude={"sensitivity"})
    tables["prune"] = _make_table(tables.get("prune", {}), best)
    head = (
        f"# {recipe.name} with rules for {best.goal}, as `prunepack sensitivity` suggests.\n"
        f"# Before fine-tuning: {100 * best.sparsity:.2f} % pruned, a drop of "
        f"{format_metric(best.drop)}; global magnitude: {format_metric(measured.magnitude.drop)}.\n"
    )
    return f"{head}\n{format_recipe(tables)}\n"


def _make_table(own: dict[str, Any], suggestion: Suggestion) -> dict[str, Any]:
    """Return the table of pruning with the rules of a suggestion."""
    kept = {name: own[name] for name in KEPT if name in own}
    rules = (rule.model_dump(mode="json", exclude_unset=True) for rule in list_rules(suggestion))
    return kept | {"rules": list(rules)}


def sensitivity_to_json(measured: Sensitivity, files: Sequence[Path]) -> dict[str, Any]:
    """Return the values as JSON, with the cautions and the paths of the files."""
    return {
        **measured.model_dump(mode="json"),
        "cautions": list_sensitivity_cautions(measured),
        "files": {file.name: str(file) for file in files},
    }
