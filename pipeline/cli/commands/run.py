"""``prunepack run``: the whole pipeline by a recipe."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunepack.pipeline.cli.command import artifacts_option, command, json_option, settings_option
from prunepack.pipeline.cli.completion import COMPLETERS, complete_recipe, complete_stage
from prunepack.pipeline.cli.console import print_json
from prunepack.pipeline.cli.run_progress import RunProgress
from prunepack.pipeline.cli.views.run_result import format_run, run_to_json
from prunepack.pipeline.cli.weights_recipe import describe_weights
from prunepack.pipeline.execution import execute_recipe
from prunepack.pipeline.recipe import Recipe, list_built_in_recipes, make_recipe, read_recipe
from prunepack.pipeline.recipe_text import format_recipe

if TYPE_CHECKING:
    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.execution import RunResult

__all__ = ["run_command"]


def _list_recipes() -> str:
    """Return the built-in recipes with their first lines, within 80 columns."""
    lines = [
        textwrap.fill(f"{name:<13} {line}", 76, initial_indent="  ", subsequent_indent=" " * 16)
        for name, line in list_built_in_recipes().items()
    ]
    return "\n".join(lines)


HELP = f"""Run all stages of a recipe and produce an artifact and a verdict.

RECIPE is a built-in recipe, a .toml file, or an .onnx file or artifact to prune.
With --model, RECIPE is instead a file of weights, and no recipe is needed.

\b
Built-in recipes:
{_list_recipes()}
"""


@command(example="prunepack run lenet --set prune.amount=0.95 --until export", help=HELP)
@click.argument("recipe", shell_complete=complete_recipe)
@settings_option
@click.option(
    "--model",
    metavar="MODEL",
    shell_complete=COMPLETERS["model"],
    help="Factory of the model, if RECIPE is a file of weights: net.py:build.",
)
@click.option(
    "--inputs",
    multiple=True,
    metavar="KEY=VALUE,…",
    help="Input of the model that --model builds: name=x,shape=3x224x224.  [repeatable]",
)
@click.option("--until", metavar="STAGE", shell_complete=complete_stage, help="Stop after STAGE.")
@click.option(
    "--force",
    multiple=True,
    metavar="STAGE",
    shell_complete=complete_stage,
    help="Run STAGE again even if nothing changed.  [repeatable]",
)
@click.option(
    "--log",
    "loggers",
    multiple=True,
    metavar="LOGGER",
    help="Also log to mlflow, tensorboard, or an observer of yours, file.py:NAME.  [repeatable]",
)
@click.option("--name", metavar="NAME", help="Name of the run, for ls and compare.")
@artifacts_option
@json_option
@click.pass_obj
def run_command(
    console: Console,
    recipe: str,
    *,
    settings: tuple[str, ...],
    model: str | None,
    inputs: tuple[str, ...],
    until: str | None,
    force: tuple[str, ...],
    loggers: tuple[str, ...],
    name: str | None,
    artifacts: Path,
    as_json: bool,
) -> int:
    """Run all stages of a recipe."""
    chosen = _choose_recipe(console, recipe, model, inputs, settings)
    watcher = RunProgress(console, chosen.plan)
    result = execute_recipe(
        chosen, artifacts, watcher, name=name, until=until, force=force, observers=loggers
    )
    _print_result(result, as_json)
    return 0 if result.report is None else int(result.report["exit_code"])


def _print_result(result: RunResult, as_json: bool) -> None:
    if as_json:
        print_json(run_to_json(result))
    else:
        click.echo(format_run(result))


def _choose_recipe(
    console: Console,
    source: str,
    model: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
) -> Recipe:
    """Read a recipe, or make one for a checkpoint and show it."""
    if model is None and not inputs:
        return read_recipe(source, settings)
    tables = describe_weights(source, model, inputs)
    recipe = make_recipe(Path(source).name.partition(".")[0], source, tables, settings)
    console.message(f"recipe of this run:\n\n{format_recipe(tables)}\n")
    return recipe
