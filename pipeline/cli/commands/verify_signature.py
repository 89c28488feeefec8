"""``prunepack verify-signature``: whether a release is what a key signed, file by file."""

from __future__ import annotations

from pathlib import Path

import click

from prunepack.pipeline.cli.command import JSON, Verb, show
from prunepack.pipeline.release.signatures import check_files

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    key = click.Option(["--key"], required=True, metavar="FILE", help="The public key in PEM form.")
    folder = click.Option(
        ["--folder"], metavar="DIR", help="Where the files are.  [default: beside the signature]"
    )
    return Verb(
        name,
        example="prunepack verify-signature artifacts/lenet/provenance.dsse.json --key release.pub",
        callback=_verify,
        params=[click.Argument(["signature"]), key, folder, JSON],
        help="Check that SIGNATURE is one of the key and that every file is what was signed.\n\n"
        "Exit codes: 0 it is, 4 it is not.",
    )


def _verify(signature: str, *, key: str, folder: str | None, as_json: bool) -> None:
    envelope = Path(signature)
    where = envelope.parent if folder is None else Path(folder)
    subjects = check_files(envelope, Path(key), where)
    text = "\n".join(f"{name}: as signed" for name in subjects)
    show(text, {"signature": signature, "subjects": subjects}, as_json=as_json)
