"""``prunepack verify-signature``: the files of a release against a signed statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.pipeline.cli.command import FOLDER, PATH, command, input_argument, json_option
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.release.signatures import check_files

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
@json_option
def verify_signature_command(
    signature: Path, *, key: Path, folder: Path | None, as_json: bool
) -> None:
    """Check the files of a release against a signature.

    SIGNATURE is a DSSE envelope that `prunepack sign` wrote.

    Exit codes: 0 the key signed these files, 4 it did not.
    """
    subjects = check_files(signature, key, signature.parent if folder is None else folder)
    text = "\n".join(f"{name}: as signed" for name in subjects)
    print_result(text, {"signature": str(signature), "subjects": subjects}, as_json=as_json)
