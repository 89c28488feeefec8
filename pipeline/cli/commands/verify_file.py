"""``prunepack verify-file``: whether an artifact is sound, and holds what it was packed from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from prunepack.errors import RefusedError
from prunepack.pipeline.cli.command import JSON, Verb, show
from prunepack.reading.artifact import Artifact
from prunepack.reading.verification import check_soundness, count_streams, find_mismatch

if TYPE_CHECKING:
    from prunepack.pipeline.cli.console import Console
    from prunepack.reading.verification import Mismatch

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    against = click.Option(
        ["--against"],
        metavar="MODEL",
        help="Compare every byte with this file, and external data with the files beside it.",
    )
    return Verb(
        name,
        example="prunepack verify-file work/lenet.prunepack --against work/onnx/model.onnx",
        callback=_verify_file,
        params=[click.Argument(["artifact"]), against, JSON],
        help="Decode all of ARTIFACT and check every checksum in it.\n\n"
        "Exit codes: 0 sound, 1 sound but not the model that --against names, 4 damaged.",
    )


@click.pass_obj
def _verify_file(console: Console, artifact: str, *, against: str | None, as_json: bool) -> int:
    try:
        with Artifact.open(artifact) as opened:
            return _checked(console, opened, against, as_json=as_json)
    except RefusedError as error:
        if as_json:
            click.echo(json.dumps({"sound": False, "problem": str(error)}, ensure_ascii=False))
        raise


def _checked(console: Console, artifact: Artifact, against: str | None, *, as_json: bool) -> int:
    with console.bar("checking") as progress:
        check_soundness(artifact, progress)
    facts = {
        "sound": True,
        "digest": artifact.digest,
        "streams": count_streams(artifact),
        "files": {name: file.sha256 for name, file in artifact.files.items()},
    }
    lines = [
        f"{artifact.path} is sound: all checksums are right",
        f"  SHA-256 of the whole, {artifact.size:,} bytes: {artifact.digest}",
        f"  CRC-32 of the header and of {facts['streams']:,} streams",
        *(
            f"  SHA-256 of {name}, {file.size:,} bytes: {file.sha256}"
            for name, file in artifact.files.items()
        ),
    ]
    mismatch = None
    if against is not None:
        with console.bar("comparing") as progress:
            mismatch = find_mismatch(artifact, against, progress)
        facts |= {"same": mismatch is None, "mismatch": mismatch and asdict(mismatch)}
        lines.append(_compared(against, mismatch))
    show("\n".join(lines), facts, as_json=as_json)
    return 0 if mismatch is None else 1


def _compared(against: str, mismatch: Mismatch | None) -> str:
    if mismatch is None:
        return f"It holds {against}, byte for byte"
    inside = f", in tensor {mismatch.tensor!r}" if mismatch.tensor else ""
    packed, loose = mismatch.sizes
    sizes = "" if packed == loose else f"; it has {loose:,} bytes, and the packed one {packed:,}"
    return (
        f"{mismatch.path} is another file than the packed {mismatch.file}: they differ from byte "
        f"{mismatch.offset:,}{inside}{sizes}"
    )
