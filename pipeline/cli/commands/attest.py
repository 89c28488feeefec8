"""``prunepack attest``: where a release comes from, as an in-toto statement."""

from __future__ import annotations

from pathlib import Path

import click

import prunepack
from prunepack.errors import RefusedError
from prunepack.io.atomic import create_file
from prunepack.io.digests import hash_file
from prunepack.pipeline.cli.command import FORCE, JSON, OUTPUT, Verb, show
from prunepack.pipeline.release.freshness import check_beside
from prunepack.stages.metrics.files import read_metrics
from prunepack.stages.provenance.statement import statement

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    builder = click.Option(
        ["--builder"],
        default="urn:prunepack:builder",
        show_default=True,
        metavar="URI",
        help="Who ran it, such as the address of the CI job.",
    )
    return Verb(
        name,
        example="prunepack attest artifacts/lenet -o artifacts/lenet/provenance.json",
        callback=_attest,
        params=[click.Argument(["folder"]), OUTPUT, builder, FORCE, JSON],
        help="Write an in-toto statement on the release in FOLDER, which prunepack run made.\n\n"
        "It binds the report and the files that it is of to the recipe, the stages and the tools.",
    )


def _attest(folder: str, *, output: str, builder: str, force: bool, as_json: bool) -> None:
    report = Path(folder) / "report.json"
    measured = read_metrics(report)
    check_beside(measured, report)
    subjects = {**measured.digests, report.name: hash_file(report)}
    present = {file.name for file in report.parent.iterdir()}
    missing = [name for name in subjects if name not in present]
    if missing:
        raise RefusedError(
            f"{folder} holds no whole release",
            expected=", ".join(subjects),
            found=f"no {' and no '.join(missing)}",
        )
    payload = statement(measured.content, subjects, builder, prunepack.__version__)
    with create_file(Path(output), force=force) as file:
        file.write(payload)
    text = f"{output}: {len(subjects)} files by name and SHA-256"
    show(text, {"output": output, "subjects": subjects}, as_json=as_json)
