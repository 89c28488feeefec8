"""``prunepack card``: the model card of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError, quote
from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import (
    PATH,
    artifacts_option,
    command,
    force_option,
    json_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.runs.run_files import find_run
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.reporting.card.card import CardFacts, to_card
from prunepack.stages.reporting.report import Report

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.pipeline.runs.run import Run

__all__ = ["card_command"]

SHOWN = ("method", "amount", "scope", "schedule", "steps", "exclude", "rules")
"""Settings of [prune] that the card shows, where they are not empty."""


@command(example="prunepack card lenet -o README.md --license apache-2.0")
@click.argument("run")
@click.option(
    "-o", "--output", type=PATH, metavar="FILE", help="Write the card to this file, not to stdout."
)
@click.option("--license", "license_id", default="", metavar="ID", help="License: apache-2.0.")
@click.option(
    "--base-model", default="", metavar="NAME", help="The model before pruning, on a hub."
)
@click.option("--task", default="", metavar="TASK", help="Task of the model: image-classification.")
@click.option("--dataset", default="", metavar="NAME", help="The dataset.  [default: the recipe's]")
@artifacts_option
@force_option
@json_option
def card_command(
    run: str, *, output: Path | None, force: bool, as_json: bool, **facts: Any
) -> None:
    """Write the model card of a run, as the Hugging Face hub reads it.

    RUN is the number or the name of a run, or a recipe, which stands for its newest run. The card
    has front matter in YAML, results with intervals, use, pruning, limits and digests.
    """
    _check_lines(facts)
    found = find_run(facts.pop("artifacts"), run)
    text = to_card(_read_report(found), _collect_facts(found, **facts))
    if output is None:
        print_result(text.rstrip(), {"run": found.number, "card": text}, as_json=as_json)
        return
    with create_file(output, force=force) as file:
        file.write(text.encode())
    facts = {"run": found.number, "path": str(output)}
    print_result(f"{output}: the card of run {found.number}", facts, as_json=as_json)


def _check_lines(facts: dict[str, Any]) -> None:
    """Refuse texts for the front matter that are not one line each."""
    for name, text in facts.items():
        if isinstance(text, str) and not text.isprintable():
            option = name.removesuffix("_id").replace("_", "-")
            raise UsageError(
                f"--{option} {quote(text)} cannot be in a card",
                expected="one line of printable characters",
                found="a line break or a character that cannot be printed",
            )


def _read_report(run: Run) -> Report:
    """Return the report of a run.

    Raises:
        UsageError: If there is none.
    """
    file = None if run.verdict is None else run.verdict.path / "report.json"
    if file is None or not file.exists():
        raise UsageError(
            f"run {run.number} has no report",
            expected="a run that reached the gate, and whose results are stored",
            found="no verdict" if file is None else "results that were deleted",
            hint=f"Run the recipe `{run.recipe}` again",
        )
    return Report.model_validate_json(file.read_bytes())


def _collect_facts(
    run: Run, *, license_id: str, base_model: str, task: str, dataset: str
) -> CardFacts:
    prune = run.plan.get("prune", {})
    load = run.plan.get("load", {})
    model = load.get("model")
    named = str(load.get("dataset") or (MODELS[model].dataset if model in MODELS else ""))
    return CardFacts(
        name=run.recipe,
        settings={key: _describe(prune[key]) for key in SHOWN if prune.get(key)},
        dataset=dataset or ("" if ":" in named else named),
        license=license_id,
        base_model=base_model,
        task=task,
    )


def _describe(value: object) -> object:
    return value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
