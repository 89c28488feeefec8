"""``prunepack gate``: check metrics against limits; the exit code is the verdict."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError
from prunepack.io.atomic import create_folder
from prunepack.io.digests import hash_file
from prunepack.pipeline.cli.command import (
    FOLDER,
    PATH,
    command,
    force_option,
    input_argument,
    json_option,
)
from prunepack.pipeline.cli.console import color_text, format_table, print_result
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.pipeline.gate_file import locate_limits, read_gate_file
from prunepack.pipeline.release.freshness import check_at_hand, check_beside, check_unchanged
from prunepack.pipeline.release.signatures import ENVELOPE, check_signature
from prunepack.stages.contract.outputs import MetricsOutput
from prunepack.stages.gate import GateConfig, gate, read_gate_config
from prunepack.stages.metrics.files import collect_metrics, find_metrics_file
from prunepack.stages.reporting.github import append_summary, workflow_commands
from prunepack.stages.reporting.report import Report, to_json
from prunepack.stages.reporting.wording import format_metric
from prunepack.stages.reporting.writers import FILES, write_code_quality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.reporting.report import CheckResult

__all__ = ["gate_command"]

MARKS = {"passed": "ok", "failed": "FAILED", "undecided": "undecided"}


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
    "--gate-file",
    type=PATH,
    metavar="FILE",
    help="Read limits and the settings below from a TOML file, such as gate.toml.",
)
@click.option(
    "--artifact",
    type=PATH,
    multiple=True,
    metavar="PATH",
    help="Refuse metrics that were not measured on this file or folder.  [repeatable]",
)
@click.option(
    "--require-signature",
    type=PATH,
    metavar="KEY",
    help="Refuse a report whose signature does not verify with this public key.",
)
@click.option(
    "--signature",
    type=PATH,
    metavar="FILE",
    help=f"Read the signature from this file.  [default: {ENVELOPE} next to the report]",
)
@click.option(
    "--min-release",
    type=click.IntRange(min=0),
    metavar="N",
    help="Refuse a signed release with a smaller number, or without a number.",
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
    """Check metrics against limits; the exit code is the verdict.

    METRICS is a report.json, or the folders that `prunepack verify` and `prunepack measure` wrote.
    The limits stored in a report are applied again, and the files next to the report must be those
    that were measured.

    Exit codes: 0 passed, 1 failed or undecided, 5 nothing was checked.
    """
    sources = [find_metrics_file(path) for path in metrics]
    digests = {file: hash_file(file) for file in sources if file.is_file()}
    _refuse_others(sources, values)
    gate_file = values["gate_file"]
    of_file = GateConfig() if gate_file is None else read_gate_file(gate_file)
    lines = {} if gate_file is None else locate_limits(gate_file)
    config = _merge_configs(sources, of_file, make_config(GateConfig, values))
    with _open_folder(values["output"], force=values["force"]) as folder:
        gate.body(config, folder, *(MetricsOutput(*pair) for pair in digests.items()))
        check_unchanged(digests)
        report = Report.model_validate_json((folder / "report.json").read_bytes())
        write_code_quality(report, folder, lines)
    if values["github"]:
        _tell_github(report, lines)
    print_result(_format(report), to_json(report), as_json=as_json)
    return report.exit_code


@contextmanager
def _open_folder(output: Path | None, *, force: bool) -> Iterator[Path]:
    """Provide a folder for the report; without ``output``, one that is deleted afterwards."""
    if output is None:
        with TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        with create_folder(output, FILES, force=force) as new:
            yield new


def _refuse_others(sources: Sequence[Path], values: dict[str, Any]) -> None:
    """Refuse metrics of other files, and reports without the required signature."""
    measured = collect_metrics(sources)
    for source in sources:
        check_beside(measured, source)
    for path in values["artifact"]:
        check_at_hand(measured, sources[0], path)
    key, least = values["require_signature"], values["min_release"]
    if key is None:
        _refuse_without_key(values)
        return
    if len(sources) != 1:
        raise UsageError(
            "a signature is over one report", expected="one report.json", found=len(sources)
        )
    envelope = values["signature"] or sources[0].with_name(ENVELOPE)
    check_signature(measured, sources[0], envelope, key, least)


def _refuse_without_key(values: dict[str, Any]) -> None:
    """Refuse options on a signature that would otherwise have no effect."""
    for name in ("signature", "min_release"):
        if values[name] is not None:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"`{option}` has no effect without a key",
                hint="Give the public key with --require-signature",
            )


def _merge_configs(sources: Sequence[Path], of_file: GateConfig, given: GateConfig) -> GateConfig:
    """Put the options over the gate file, and that over the limits in the reports.

    The last limit on a metric and the last list of operators count.
    """
    layers = [*map(read_gate_config, sources), of_file, given]
    own = [of_file, given]
    return GateConfig(
        limits=tuple(limit for layer in layers for limit in layer.limits),
        skip=tuple(glob for layer in own for glob in layer.skip),
        relax=any(layer.relax for layer in own),
        undecided="pass" if any(layer.undecided == "pass" for layer in own) else "fail",
        operators=next((layer.operators for layer in reversed(layers) if layer.operators), ()),
        domains=tuple(glob for layer in own for glob in layer.domains),
        baseline=given.baseline or of_file.baseline,
    )


def _tell_github(report: Report, lines: dict[str, tuple[Path, int]]) -> None:
    """Annotate on stderr, where GitHub reads commands too, and append to the job's summary."""
    for line in workflow_commands(report, lines):
        click.echo(line, err=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_summary(report, Path(summary))


def _format(report: Report) -> str:
    rows = [
        (MARKS[check.outcome], _describe_limit(check), format_metric(check.metric))
        for check in report.checks
    ]
    problems = [line for check in report.not_passed for line in _describe(check)]
    color = "green" if report.verdict == "passed" else "red"
    verdict = color_text(f"Verdict: {report.summary}", color)
    return "\n".join(
        [
            format_table(("", "limit", "measured"), rows),
            "",
            *problems,
            *[""][: len(problems)],
            verdict,
        ]
    )


def _describe_limit(check: CheckResult) -> str:
    """Return the limit, after the stricter one that it replaces."""
    if check.replaces is None:
        return str(check.limit)
    return f"{check.name} {check.replaces.right_side} → {check.limit.right_side}"


def _describe(check: CheckResult) -> Iterator[str]:
    """Yield a line with the reason, and one with the remedy if there is one."""
    yield f"{check.reason} ({check.note})" if check.note else check.reason
    if check.hint:
        yield f"  hint: {check.hint}"
