"""``prunepack explain``: the reason why each stage of the last run ran or was reused."""

from __future__ import annotations

from pathlib import Path

import click

from prunepack.errors import UsageError
from prunepack.pipeline.cli.command import artifacts_option, command, json_option
from prunepack.pipeline.cli.completion import complete_recipe
from prunepack.pipeline.cli.console import format_table, print_json
from prunepack.pipeline.runs.releases import locate_source, name_release
from prunepack.pipeline.runs.run_files import read_last_run

__all__ = ["explain_command"]


@command(example="prunepack explain lenet")
@click.argument("recipe", shell_complete=complete_recipe)
@artifacts_option
@json_option
def explain_command(recipe: str, *, artifacts: Path, as_json: bool) -> None:
    """Show why each stage of the last run ran or was reused."""
    run = read_last_run(artifacts, _find_name(recipe, artifacts))
    if not run.events:
        raise UsageError(
            f"`{recipe}` has not been run in `{artifacts}`",
            hint=f"Run `prunepack run {recipe}` first, or name its folder with --artifacts",
        )
    rows = [(event.stage, "reused" if event.reused else "built", event.why) for event in run.events]
    if as_json:
        keys = ("stage", "state", "why")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        click.echo(format_table(("stage", "", "why"), rows))


def _find_name(recipe: str, artifacts: Path) -> str:
    """Return the name of a recipe's release, by its file or by the name itself."""
    path = Path(recipe)
    if not path.suffix:
        return recipe
    return name_release(artifacts, path.stem, locate_source(recipe, artifacts))
