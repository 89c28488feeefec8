"""``prunepack run``: the whole pipeline by a recipe."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunepack.errors import UsageError, quote
from prunepack.pipeline.build import STAGES, build
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.command import artifacts_option, command, json_option
from prunepack.pipeline.cli.completion import COMPLETERS, complete_recipe, complete_stage
from prunepack.pipeline.cli.console import print_json
from prunepack.pipeline.cli.run_progress import RunProgress
from prunepack.pipeline.cli.views.run_result import RunResult, format_run, run_to_json
from prunepack.pipeline.cli.weights_recipe import describe_weights, format_recipe
from prunepack.pipeline.recipe import Recipe, list_built_in_recipes, make_recipe, read_recipe
from prunepack.pipeline.release.publish import publish
from prunepack.pipeline.runner import Runner, Stopped
from prunepack.pipeline.runs.recorder import Recorder
from prunepack.pipeline.runs.run import Run, RunHead
from prunepack.pipeline.runs.run_files import locate_source, name_release
from prunepack.stages.contract.plugins import suggest_name

if TYPE_CHECKING:
    from prunepack.pipeline.cli.console import Console
    from prunepack.stages.contract.outputs import Verdict

__all__ = ["run_command"]

REPORT = "report.json"
"""The file that makes a folder of models a release."""

LAST = list(STAGES)[-1]
"""The stage after which a run is at its end: its verdict is the exit code."""


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
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Change a setting of the recipe.  [repeatable]",
)
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
@click.option("--name", default="", metavar="NAME", help="Name of the run, for ls and compare.")
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
    name: str,
    artifacts: Path,
    as_json: bool,
) -> int:
    """Run all stages of a recipe."""
    _check_stages(*force, *([until] if until else []))
    chosen = _choose_recipe(console, recipe, model, inputs, settings)
    began = time.perf_counter()
    with Store(artifacts) as store:
        head = _describe_run(chosen, name, artifacts)
        try:
            with Recorder(store, head) as recorder:
                progress = RunProgress(console, chosen.plan, recorder)
                runner = Runner(
                    store,
                    on_event=progress.finish,
                    on_start=progress.start,
                    force=frozenset(force),
                    until=None if until == LAST else until,
                    previous=recorder.previous,
                    hash_data=chosen.plan.load.hash_data,
                )
                verdict: Verdict | None = build(chosen.plan, runner)
        except Stopped:  # outside the recorder's block: the run did not come to its end
            verdict = None
        published = _publish(recorder.run, artifacts / head.recipe)
    report = None if verdict is None else verdict.content
    seconds = time.perf_counter() - began
    _print_result(RunResult(recorder.run, published, report, seconds), as_json)
    return 0 if report is None else int(report["exit_code"])


def _describe_run(recipe: Recipe, name: str, artifacts: Path) -> RunHead:
    """Return what the record of the run begins with."""
    if name.isdigit():
        raise UsageError(f"--name {name}", expected="a name with a letter", found="a number")
    source = locate_source(recipe.source, artifacts)
    return RunHead(
        recipe=name_release(artifacts, recipe.name, source),
        source=source,
        settings=recipe.settings,
        plan=recipe.plan.model_dump(mode="json"),
        name=name,
    )


def _publish(run: Run, folder: Path) -> list[Path]:
    """Publish a run; one that stopped before the gate does not replace a release."""
    if run.verdict is None and (folder / REPORT).exists():
        return []
    return publish(run.events, folder)


def _print_result(result: RunResult, as_json: bool) -> None:
    if as_json:
        print_json(run_to_json(result))
    else:
        click.echo(format_run(result))


def _check_stages(*names: str) -> None:
    for name in names:
        if name not in STAGES:
            raise UsageError(f"no stage is named {quote(name)}", hint=suggest_name(name, STAGES))


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
