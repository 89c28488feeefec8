"""``prunepack verify-signature``: the files of a release against a signed statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.pipeline.cli.command import FOLDER, PATH, command, input_argument, json_option
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.release.signatures import check_files, read_signed_report

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["verify_signature_command"]


@command(
    example="prunepack verify-signature artifacts/lenet/provenance.dsse.json --key release.pub"
)
@input_argument("signature")
@click.option("--key", type=PATH, required=True, metavar="FILE", help="The public key in PEM form.")
@click.option(
    "--folder",
    type=FOLDER,
    metavar="DIR",
    help="The folder that contains the files.  [default: the folder of the signature]",
)
@click.option(
    "--min-release",
    type=click.IntRange(min=0),
    metavar="N",
    help="Refuse a release with a smaller number, or without a number.",
)
@click.option(
    "--any-verdict", is_flag=True, help="Exit with 0 whatever the verdict of the release is."
)
@json_option
def verify_signature_command(
    signature: Path,
    *,
    key: Path,
    folder: Path | None,
    min_release: int | None,
    any_verdict: bool,
    as_json: bool,
) -> int:
    """Check the files of a release against a signature.

    SIGNATURE is a DSSE envelope that `prunepack sign` wrote. The verdict in the signed report is
    shown.

    Exit codes: 0 the key signed these files and their verdict is passed, 1 it signed them with
    another verdict, 4 it did not sign them.
    """
    folder = signature.parent if folder is None else folder
    statement = check_files(signature, key, folder, min_release)
    report = read_signed_report(folder, statement)
    verdict = str(report.get("verdict", "none"))
    lines = [f"{name}: as signed" for name in statement.subjects]
    lines += [] if statement.release is None else [f"Release: {statement.release}"]
    lines += [f"Verdict: {report.get('summary', verdict)}"]
    facts = {
        "signature": str(signature),
        "subjects": dict(statement.subjects),
        "release": statement.release,
        "verdict": verdict,
    }
    print_result("\n".join(lines), facts, as_json=as_json)
    return 0 if verdict == "passed" or any_verdict else 1
