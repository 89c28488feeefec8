"""``prunepack gate``: judge what was measured; the exit code is the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.console import colored, table
from pipeline.options import config_from, options_of
from pipeline.verb import FORCE, JSON, Verb
from prunepack.outputs import new_folder
from stages.gate import GateConfig, judge, limits_in
from stages.report import Report, measured, to_json, write_report

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    output = click.Option(
        ["-o", "--output"], metavar="DIR", help="Write report.json, report.md and junit.xml here."
    )
    return Verb(
        name,
        example="prunepack gate work/parity work/measured --limits 'size.ratio >= 8.5'",
        callback=_gate,
        params=[
            click.Argument(["figures"], nargs=-1, required=True),
            output,
            *options_of(GateConfig),
            FORCE,
            JSON,
        ],
        help="Judge FIGURES: a report.json, or the folders that verify and measure made.\n\n"
        "A report.json is judged by its own limits too. Exit codes: 0 passed, 1 failed, 5 nothing "
        "was checked.",
    )


def _gate(
    figures: tuple[str, ...],
    *,
    output: str | None,
    limits: tuple[str, ...],
    skip: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> int:
    sources = [_file(Path(figure)) for figure in figures]
    own = [limit for source in sources for limit in limits_in(source)]
    config = config_from(GateConfig, {"limits": (*own, *limits), "skip": skip})
    report = judge(config, sources)
    if output is not None:
        names = ("report.json", "report.md", "junit.xml")
        with new_folder(Path(output), names, force=force) as folder:
            write_report(report, folder)
    click.echo(json.dumps(to_json(report), ensure_ascii=False) if as_json else _as_text(report))
    return report.exit_code


def _file(path: Path) -> Path:
    """Return the file of figures in a folder of verify, measure or a run; or the file itself."""
    names = ("report.json", "parity.json", "measurements.json")
    inside = [path / name for name in names if (path / name).is_file()]
    return inside[0] if inside else path


def _as_text(report: Report) -> str:
    rows = [
        ("ok" if check.passed else "FAIL", str(check.limit), measured(check.metric))
        for check in report.checks
    ]
    color = "green" if report.verdict == "passed" else "red"
    return "\n".join(
        [table(("", "limit", "measured"), rows), "", colored(f"Verdict: {report.verdict}", color)]
    )
