"""``prunepack gate``: judge what was measured; the exit code is the verdict."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError
from prunepack.io.atomic import create_folder
from prunepack.pipeline.cli.command import (
    FOLDER,
    PATH,
    command,
    force_option,
    input_argument,
    json_option,
)
from prunepack.pipeline.cli.console import colored, print_result, table
from prunepack.pipeline.cli.options import config_from, config_options
from prunepack.pipeline.gate_file import locate_limits, read_gate_file
from prunepack.pipeline.release.freshness import check_at_hand, check_beside
from prunepack.pipeline.release.signatures import ENVELOPE, check_signature
from prunepack.stages.gate import GateConfig, judge, read_gate_config
from prunepack.stages.metrics.files import collect_metrics, find_metrics_file
from prunepack.stages.reporting.github import summarize, workflow_commands
from prunepack.stages.reporting.report import measured, reason, to_json
from prunepack.stages.reporting.writers import FILES, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.reporting.report import Report

__all__ = ["gate_command"]

MARKS = {"passed": "ok", "failed": "FAIL", "undecided": "unsure"}


@command(example="prunepack gate work/parity work/measured --limits 'size.ratio >= 8.5'")
@input_argument("metrics", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    metavar="DIR",
    help=f"Write {', '.join(FILES[:-1])} and {FILES[-1]} into this folder.",
)
@click.option(
    "--budgets",
    type=PATH,
    metavar="FILE",
    help="A TOML file with limits and the other options here.",
)
@click.option(
    "--artifact",
    type=PATH,
    multiple=True,
    metavar="PATH",
    help="A file or a folder of stages to deploy; refuse metrics of anything else.  [repeatable]",
)
@click.option(
    "--require-signature",
    type=PATH,
    metavar="KEY",
    help="Refuse a report that this public key did not sign.",
)
@click.option(
    "--signature",
    type=PATH,
    metavar="FILE",
    help=f"The signature.  [default: {ENVELOPE} beside the report]",
)
@click.option(
    "--github/--no-github",
    default=lambda: os.environ.get("GITHUB_ACTIONS") == "true",
    help="Write annotations and a job summary.  [default: on in GitHub Actions]",
)
@config_options(GateConfig)
@force_option
@json_option
def gate_command(metrics: tuple[Path, ...], *, as_json: bool, **values: Any) -> int:
    """Judge metrics by limits; the exit code is the verdict.

    METRICS is a report.json, or the folders that `prunepack verify` and `prunepack measure` wrote.
    A report is also judged by its own limits, and must belong to the files beside it.

    Exit codes: 0 passed, 1 failed or undecided, 5 nothing was checked.
    """
    sources = [find_metrics_file(path) for path in metrics]
    _refuse_others(sources, values)
    budgets = values["budgets"]
    of_file = GateConfig() if budgets is None else read_gate_file(budgets)
    places = {} if budgets is None else locate_limits(budgets, of_file)
    report = judge(_combined(sources, of_file, config_from(GateConfig, values)), sources)
    if values["output"] is not None:
        with create_folder(values["output"], FILES, force=values["force"]) as folder:
            write_report(report, folder, places)
    if values["github"]:
        _tell_github(report, places)
    print_result(_as_text(report), to_json(report), as_json=as_json)
    return report.exit_code


def _refuse_others(sources: Sequence[Path], values: dict[str, Any]) -> None:
    """Refuse figures that are not of the files at hand, or not signed where that is asked for."""
    together = collect_metrics(sources)
    for source in sources:
        check_beside(together, source)
    for path in values["artifact"]:
        check_at_hand(together, sources[0], path)
    key = values["require_signature"]
    if key is None:
        return
    if len(sources) != 1:
        raise UsageError(
            "a signature is over one report", expected="one report.json", found=len(sources)
        )
    envelope = values["signature"] or sources[0].with_name(ENVELOPE)
    check_signature(together, sources[0], envelope, key)


def _combined(sources: Sequence[Path], of_file: GateConfig, given: GateConfig) -> GateConfig:
    """Put what was given over the file of budgets, and that over what reports were held to.

    The last limit on a figure and the last list of operators count.
    """
    held = [read_gate_config(source) for source in sources]
    layers = [*held, of_file, given]
    own = [of_file, given]
    return GateConfig(
        limits=tuple(limit for layer in layers for limit in layer.limits),
        skip=tuple(glob for layer in own for glob in layer.skip),
        undecided="pass" if any(layer.undecided == "pass" for layer in own) else "fail",
        operators=next((one.operators for one in reversed(layers) if one.operators), ()),
        domains=tuple(glob for layer in own for glob in layer.domains),
        baseline=given.baseline or of_file.baseline,
    )


def _tell_github(report: Report, places: dict[str, tuple[Path, int]]) -> None:
    """Annotate on stderr, where GitHub reads commands too, and add to the job's summary."""
    for line in workflow_commands(report, places):
        click.echo(line, err=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        summarize(report, Path(summary))


def _as_text(report: Report) -> str:
    rows = [
        (MARKS[check.outcome], str(check.limit), measured(check.metric)) for check in report.checks
    ]
    notes = [f"{reason(check)}{_in_brackets(check.metric.note)}" for check in report.open]
    color = "green" if report.verdict == "passed" else "red"
    verdict = colored(f"Verdict: {report.summary}", color)
    return "\n".join(
        [table(("", "limit", "measured"), rows), "", *notes, *[""][: len(notes)], verdict]
    )


def _in_brackets(note: str) -> str:
    return f" ({note})" if note else ""
