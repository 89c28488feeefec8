"""``prunepack verify-file``: the soundness of an artifact, and a comparison with its model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import quote
from prunepack.pipeline.cli.command import (
    PATH,
    command,
    input_argument,
    json_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.limits_options import limits_options
from prunepack.reading.artifact import Artifact
from prunepack.reading.verification import check_soundness, count_streams, find_mismatch

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.format.limits import Limits
    from prunepack.pipeline.cli.console import Console
    from prunepack.reading.verification import Mismatch

__all__ = ["verify_file_command"]


@command(example="prunepack verify-file work/lenet.prunepack --against work/compacted/model.onnx")
@input_argument("artifact")
@click.option(
    "--against",
    type=PATH,
    metavar="MODEL",
    help="Compare every byte with this file, and external data with the files next to it.",
)
@limits_options
@json_option
@click.pass_obj
def verify_file_command(
    console: Console, artifact: Path, *, against: Path | None, limits: Limits, as_json: bool
) -> int:
    """Check every checksum of an artifact.

    ARTIFACT is decoded completely.

    Exit codes: 0 sound, 1 sound but not the model that --against names, 4 damaged.
    """
    with Artifact.open(artifact, limits) as opened:
        facts, lines = _check_artifact(console, opened)
        mismatch = None
        if against is not None:
            with console.bar("comparing") as progress:
                mismatch = find_mismatch(opened, str(against), progress)
            facts |= {"same": mismatch is None, "mismatch": mismatch and asdict(mismatch)}
            lines.append(_describe_comparison(against, mismatch))
    print_result("\n".join(lines), facts, as_json=as_json)
    return 0 if mismatch is None else 1


def _check_artifact(console: Console, artifact: Artifact) -> tuple[dict[str, Any], list[str]]:
    """Check all of ``artifact``; return its digests as facts and as lines of text."""
    with console.bar("checking") as progress:
        check_soundness(artifact, progress)
    facts: dict[str, Any] = {
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
    return facts, lines


def _describe_comparison(against: Path, mismatch: Mismatch | None) -> str:
    if mismatch is None:
        return f"It holds {against}, byte for byte"
    inside = f", in tensor {quote(mismatch.tensor)}" if mismatch.tensor else ""
    packed, loose = mismatch.sizes
    sizes = "" if packed == loose else f"; it has {loose:,} bytes, and the packed one {packed:,}"
    return (
        f"{mismatch.path} is another file than the packed {mismatch.file}: they differ from byte "
        f"{mismatch.offset:,}{inside}{sizes}"
    )
