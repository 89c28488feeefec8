"""``prunepack explain``: why each stage of a recipe's last run ran, or did not."""

from __future__ import annotations

import json
from pathlib import Path

import click

from prunepack.errors import UsageError
from prunepack.pipeline.cache.history import last_run
from prunepack.pipeline.cli.command import ARTIFACTS, JSON, Verb
from prunepack.pipeline.cli.console import table

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack explain lenet",
        callback=_explain,
        params=[click.Argument(["recipe"]), ARTIFACTS, JSON],
        help="Say for each stage of the last run of RECIPE why it was built or reused.",
    )


def _explain(recipe: str, *, artifacts: str, as_json: bool) -> None:
    run = last_run(Path(artifacts), Path(recipe).stem)
    if not run.events:
        raise UsageError(
            f"{recipe} has not been run in {artifacts}",
            hint=f"Run it first: prunepack run {recipe}, or name its folder with --artifacts.",
        )
    rows = [(event.stage, "reused" if event.reused else "built", event.why) for event in run.events]
    if as_json:
        keys = ("stage", "state", "why")
        click.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows]))
    else:
        click.echo(table(("stage", "", "why"), rows))
