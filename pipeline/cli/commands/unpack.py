"""``prunepack unpack``: the packed files back, byte for byte."""

from __future__ import annotations

from pathlib import Path

import click

from prunepack.pipeline.cli.command import FORCE, JSON, OUTPUT, Verb, show
from prunepack.unpacking import unpack

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack unpack work/lenet.prunepack -o work/unpacked",
        callback=_unpack,
        params=[click.Argument(["artifact"]), OUTPUT, FORCE, JSON],
        help="Write the files in ARTIFACT into a new folder, every byte as it was.",
    )


@click.pass_context
def _unpack(ctx: click.Context, artifact: str, *, output: str, force: bool, as_json: bool) -> None:
    with ctx.obj.bar("unpacking") as progress:
        unpack(artifact, output, force=force, progress=progress)
    files = sorted(file for file in Path(output).rglob("*") if file.is_file())
    text = "\n".join(f"{file}: {file.stat().st_size:,} bytes" for file in files)
    show(text, {str(file): file.stat().st_size for file in files}, as_json=as_json)
