"""``prunepack search``: the best settings of a recipe, on any number of machines."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError
from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import (
    PATH,
    artifacts_option,
    command,
    force_option,
    json_option,
    settings_option,
)
from prunepack.pipeline.cli.completion import complete_recipe
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.views.search import (
    SearchProgress,
    findings_to_json,
    format_findings,
    write_taken,
)
from prunepack.pipeline.recipe import Recipe, read_recipe
from prunepack.pipeline.remote.store import open_store
from prunepack.pipeline.runs.names import check_name
from prunepack.pipeline.runs.releases import claim_release, locate_source, name_release
from prunepack.pipeline.search.evaluation import Evaluator
from prunepack.pipeline.search.objective import list_goals
from prunepack.pipeline.search.queue.board import read_board
from prunepack.pipeline.search.space import list_dimensions
from prunepack.pipeline.search.storage import (
    explain_storage_errors,
    lock_queue,
    require_optuna,
)
from prunepack.pipeline.search.study import open_study
from prunepack.pipeline.search.summary.findings import Findings
from prunepack.pipeline.search.summary.report import write_search_report
from prunepack.pipeline.search.worker import Worker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import optuna

    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.remote.store import SharedStore

__all__ = ["search_command"]


@command(example="prunepack search lenet --trials 20")
@click.argument("recipe", shell_complete=complete_recipe)
@settings_option
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of trials, in place of search.trials.",
)
@click.option("--study", metavar="NAME", help="Name of the study.  [default: that of the recipe]")
@click.option(
    "--storage",
    metavar="STORAGE",
    help="Storage of the study: postgresql://…, or the path of an SQLite file (.db) or of a "
    "journal (.journal).  [default: a file in the folder of runs]",
)
@click.option("--join", metavar="STORAGE", help="Work on a study that another worker has begun.")
@click.option(
    "--remote",
    metavar="URL",
    help="Folder or bucket (s3://BUCKET/PREFIX) that holds the results of stages for all workers.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time without a sign of life after which a worker counts as dead.",
)
@click.option(
    "--take", type=click.IntRange(min=0), metavar="TRIAL", help="Write TRIAL as a recipe."
)
@click.option("-o", "--output", type=PATH, metavar="PATH", help="The recipe that --take writes.")
@force_option
@artifacts_option
@json_option
@click.pass_obj
def search_command(
    console: Console,
    recipe: str,
    *,
    settings: tuple[str, ...],
    trials: int | None,
    study: str | None,
    storage: str | None,
    join: str | None,
    remote: str | None,
    grace: float,
    take: int | None,
    output: Path | None,
    force: bool,
    artifacts: Path,
    as_json: bool,
) -> int:
    """Find the settings that give the best trade-off between size and accuracy.

    The recipe's table [search] names the settings to vary, the objectives and the number of trials;
    without it, the amounts to prune are varied. Every trial runs all stages, and its results are
    kept. The limits of the gate bound the trials; limits on times are left out unless an objective
    is a time. The same command goes on with a search that was ended.
    """
    _check_options(study, storage, join, take, output)
    chosen = _choose_recipe(recipe, settings, trials)
    with open_store(artifacts, remote) as store:
        creates = join is None and take is None
        release = _choose_release(artifacts, chosen, claims=take is None)
        place = storage or join or _find_default(artifacts, release)
        with explain_storage_errors(place):
            opened = _open(chosen, place, study, creates=creates)
            if take is not None:
                _take(chosen, opened, take, output, force=force)
                return 0
            findings = _work(console, store, chosen, opened, (grace, lock_queue(place)))
    files = write_search_report(findings, artifacts / release)
    facts = findings_to_json(findings, files)
    print_result(format_findings(findings, files), facts, as_json=as_json)
    return 0 if findings.front else 1


def _check_options(
    study: str | None,
    storage: str | None,
    join: str | None,
    take: int | None,
    output: Path | None,
) -> None:
    require_optuna()
    if study is not None:
        check_name(study, "--study")
    if storage and join:
        raise click.UsageError("Give either --storage or --join")
    if output and take is None:
        raise click.UsageError("--output is for --take")


def _choose_recipe(source: str, settings: tuple[str, ...], trials: int | None) -> Recipe:
    """Read a recipe with something to search."""
    recipe = read_recipe(source, settings)
    if trials is not None:
        search = recipe.plan.search.model_copy(update={"trials": trials})
        recipe = replace(recipe, plan=recipe.plan.model_copy(update={"search": search}))
    if not list_dimensions(recipe.plan):
        raise UsageError(
            f"`{source}` has nothing to search",
            expected="an amount to prune, or settings in search.space",
            found=f"the method {recipe.plan.prune.method}, which has no amount",
            hint='Give a space, such as [search.space] "finetune.lr" = { low = 1e-4, high = 1e-2 }',
        )
    return recipe


def _choose_release(artifacts: Path, recipe: Recipe, *, claims: bool) -> str:
    """Return the name of the folder of results, which no recipe of the same file name shares."""
    choose = claim_release if claims else name_release
    return choose(artifacts, recipe.name, locate_source(recipe.source, artifacts))


def _find_default(artifacts: Path, name: str) -> str:
    return str(artifacts / ".store" / "searches" / f"{name}.db")


def _open(recipe: Recipe, place: str, name: str | None, *, creates: bool) -> optuna.Study:
    plan = recipe.plan.model_dump(mode="json")
    del plan["search"]["trials"]
    goals = list_goals(recipe.plan)
    return open_study(place, name or recipe.name, plan, goals, creates=creates)


def _collect(recipe: Recipe, study: optuna.Study) -> Findings:
    results = read_board(study).results
    return Findings(recipe.name, recipe.source, study.study_name, list_goals(recipe.plan), results)


def _work(
    console: Console,
    store: SharedStore,
    recipe: Recipe,
    study: optuna.Study,
    queue: tuple[float, AbstractContextManager[Any]],
) -> Findings:
    """Run trials until each one has a result."""
    goals, progress = list_goals(recipe.plan), SearchProgress(console, recipe.plan.search.trials)
    evaluator = Evaluator(store, recipe, goals, progress.start_stage, store.share)
    try:
        Worker(study, recipe, goals, evaluator, progress, *queue).work()
    except KeyboardInterrupt:
        with suppress(Exception):
            done = len(read_board(study).results)
            total = recipe.plan.search.trials
            console.message(f"{done} of {total} trials have a result; the same command goes on")
        raise
    return _collect(recipe, study)


def _take(
    recipe: Recipe, study: optuna.Study, number: int, output: Path | None, *, force: bool
) -> None:
    """Write a trial as a recipe."""
    text = write_taken(recipe, _collect(recipe, study), number)
    path = output or Path(f"{recipe.name}-{number}.toml")
    with create_file(path, force=force) as file:
        file.write(text.encode())
    click.echo(f"{path}")
