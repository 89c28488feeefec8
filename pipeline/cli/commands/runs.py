"""``prunepack ls``, ``show``, ``compare`` and ``rm``: runs that are kept, and their differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import (
    PATH,
    artifacts_option,
    command,
    force_option,
    json_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.views.runs import (
    comparison_to_json,
    format_comparison,
    format_run_details,
    format_runs,
    run_head_to_json,
)
from prunepack.pipeline.runs.comparison import compare_runs
from prunepack.pipeline.runs.comparison_page.render import comparison_to_html
from prunepack.pipeline.runs.run_files import delete_run, find_number, find_run, read_runs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["compare_command", "ls_command", "rm_command", "show_command"]


@command(example="prunepack ls")
@click.argument("recipe", default="")
@artifacts_option
@json_option
def ls_command(recipe: str, *, artifacts: Path, as_json: bool) -> None:
    """List the runs that are kept, the newest last.

    With RECIPE, list the runs of one recipe only.
    """
    runs = [run for run in read_runs(artifacts) if recipe in {"", run.recipe}]
    facts = {"runs": [run_head_to_json(run) for run in runs]}
    print_result(format_runs(runs, recipe), facts, as_json=as_json)


@command(example="prunepack show lenet")
@click.argument("run")
@artifacts_option
@json_option
def show_command(run: str, *, artifacts: Path, as_json: bool) -> None:
    """Show one run: its settings, its stages and its verdict.

    RUN is the number of a run, the name that --name gave to it, or a recipe, which stands for its
    newest run.
    """
    found = find_run(artifacts, run)
    print_result(format_run_details(found), run_head_to_json(found), as_json=as_json)


@command(example="prunepack compare 1 2 -o compare.html")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("-o", "--output", type=PATH, metavar="FILE", help="Also write an HTML page.")
@force_option
@artifacts_option
@json_option
def compare_command(
    runs: tuple[str, ...], *, output: Path | None, force: bool, artifacts: Path, as_json: bool
) -> None:
    """Show the settings and the metrics that differ between runs.

    Every run is compared with the first one. A metric with a 95 % interval is listed if the
    intervals do not overlap; a metric without one is listed if it is exact.
    """
    if len(runs) < 2:
        raise click.UsageError("Name at least two runs")
    found = [find_run(artifacts, run) for run in runs]
    comparison = compare_runs(found)
    if output is not None:
        with create_file(output, force=force) as file:
            file.write(comparison_to_html(found, comparison).encode())
    facts = comparison_to_json(found, comparison)
    print_result(format_comparison(comparison), facts, as_json=as_json)


@command(example="prunepack rm 1")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@artifacts_option
@json_option
def rm_command(runs: tuple[str, ...], *, artifacts: Path, as_json: bool) -> None:
    """Delete the records of runs.

    A damaged record is deleted by its number. The results of the runs are deleted by the next
    `prunepack gc`, unless another run has the same ones. The release in the folder of the recipe
    stays.
    """
    found = list(dict.fromkeys(find_number(artifacts, name) for name in runs))
    for number in found:
        delete_run(artifacts, number)
    deleted = ", ".join(map(str, found))
    facts: dict[str, Any] = {"deleted": found}
    print_result(f"deleted run {deleted}", facts, as_json=as_json)
