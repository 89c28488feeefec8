"""``prunepack attest``: the origin of a release, as an in-toto statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import prunepack
from prunepack.errors import RefusedError
from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import (
    command,
    force_option,
    input_argument,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.release.freshness import check_beside, check_published
from prunepack.stages.contract.progress import remark
from prunepack.stages.metrics.files import read_metrics
from prunepack.stages.provenance.statement import make_statement

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.stages.metrics.files import MetricSet

__all__ = ["attest_command"]


@command(example="prunepack attest artifacts/lenet -o artifacts/lenet/provenance.json")
@input_argument("folder")
@output_option
@click.option(
    "--builder",
    default="urn:prunepack:builder",
    show_default=True,
    metavar="URI",
    help="The builder of the release, such as the address of the CI job.",
)
@click.option(
    "--release",
    type=click.IntRange(min=0),
    metavar="N",
    help="Number of the release, such as that of the CI job. With --min-release, older releases "
    "are refused.",
)
@force_option
@json_option
def attest_command(
    folder: Path, *, output: Path, builder: str, release: int | None, force: bool, as_json: bool
) -> None:
    """State the origin of a release, for signing.

    FOLDER is the folder of a release that `prunepack run` wrote. The in-toto statement binds the
    report and all published files to the recipe, the stages and the tools.
    """
    report = folder / "report.json"
    measured = read_metrics(report)
    check_beside(measured, report)
    subjects = _list_subjects(measured, folder)
    payload = make_statement(measured.content, subjects, builder, prunepack.__version__, release)
    check_published(measured, report)
    if (verdict := measured.content.get("verdict")) != "passed":
        remark(f"the verdict of this release is {verdict}")
    with create_file(output, force=force) as file:
        file.write(payload)
    text = f"{output}: {len(subjects)} files by name and SHA-256"
    print_result(text, {"output": str(output), "subjects": subjects}, as_json=as_json)


def _list_subjects(measured: MetricSet, folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of the release, by name.

    Raises:
        RefusedError: If one of them is not there.
    """
    deployed = {name: d for name, d in measured.digests.items() if not name.startswith("dense/")}
    subjects = {**deployed, **measured.files, "report.json": measured.sha256}
    present = {file.name for file in folder.iterdir()}
    missing = [name for name in subjects if name not in present]
    if missing:
        raise RefusedError(
            f"`{folder}` does not hold a whole release",
            expected=", ".join(subjects),
            found=f"no {' and no '.join(missing)}",
        )
    return subjects
