"""``prunepack sign``: a signature over a statement, made without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.errors import UsageError
from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import (
    PATH,
    command,
    force_option,
    input_argument,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.stages.provenance.keys import PASSWORD
from prunepack.stages.provenance.reading import read_statement
from prunepack.stages.provenance.signing import sign_statement

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["sign_command"]


@command(
    example="prunepack sign artifacts/lenet/provenance.json --key release.pem "
    "-o artifacts/lenet/provenance.dsse.json"
)
@input_argument("statement")
@click.option(
    "--key",
    type=PATH,
    required=True,
    metavar="FILE",
    help="The private key: Ed25519, ECDSA or RSA in PEM form. The environment variable "
    f"{PASSWORD} holds the password of an encrypted key.",
)
@output_option
@force_option
@json_option
def sign_command(statement: Path, *, key: Path, output: Path, force: bool, as_json: bool) -> None:
    """Sign a statement with a private key, without a network.

    STATEMENT is a file that `prunepack attest` wrote. The output is a DSSE envelope that holds the
    statement and the signature.
    """
    try:
        payload = statement.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the statement `{statement}` cannot be read", found=error.strerror
        ) from None
    subjects = dict(read_statement(payload, statement).subjects)
    envelope = sign_statement(payload, key)
    with create_file(output, force=force) as file:
        file.write(envelope)
    text = f"{output}: signed, {len(subjects)} files"
    print_result(text, {"output": str(output), "subjects": subjects}, as_json=as_json)
