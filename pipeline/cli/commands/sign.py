"""``prunepack sign``: a signature over a statement, made without a network."""

from __future__ import annotations

from pathlib import Path

import click

from prunepack.errors import UsageError
from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import FORCE, JSON, OUTPUT, Verb, show
from prunepack.stages.provenance.signing import PASSWORD, sign_statement
from prunepack.stages.provenance.statement import read_subjects

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    key = click.Option(
        ["--key"],
        required=True,
        metavar="FILE",
        help="The private key: Ed25519, ECDSA or RSA in PEM form. The password of an encrypted "
        f"one is taken from {PASSWORD}.",
    )
    return Verb(
        name,
        example="prunepack sign artifacts/lenet/provenance.json --key release.pem "
        "-o artifacts/lenet/provenance.dsse.json",
        callback=_sign,
        params=[click.Argument(["statement"]), key, OUTPUT, FORCE, JSON],
        help="Sign STATEMENT, which attest made; the result is a DSSE envelope with both in it.",
    )


def _sign(statement: str, *, key: str, output: str, force: bool, as_json: bool) -> None:
    try:
        payload = Path(statement).read_bytes()
    except OSError as error:
        raise UsageError(f"{statement} cannot be read", found=error.strerror) from None
    subjects = read_subjects(payload, Path(statement))
    envelope = sign_statement(payload, Path(key))
    with create_file(Path(output), force=force) as file:
        file.write(envelope)
    text = f"{output}: signed, {len(subjects)} files"
    show(text, {"output": output, "subjects": subjects}, as_json=as_json)
