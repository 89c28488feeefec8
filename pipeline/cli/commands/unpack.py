"""``prunepack unpack``: the packed files, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.pipeline.cli.command import (
    command,
    force_option,
    input_argument,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.limits_options import limits_options
from prunepack.unpacking import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.format.limits import Limits
    from prunepack.pipeline.cli.console import Console

__all__ = ["unpack_command"]


@command(example="prunepack unpack work/lenet.prunepack -o work/unpacked")
@input_argument("artifact")
@output_option
@limits_options
@force_option
@json_option
@click.pass_obj
def unpack_command(
    console: Console, artifact: Path, *, output: Path, limits: Limits, force: bool, as_json: bool
) -> None:
    """Restore the packed files, byte for byte.

    The files of ARTIFACT are written into a new folder.
    """
    with console.bar("unpacking") as progress:
        unpack(artifact, output, force=force, limits=limits, progress=progress)
    sizes = {file: file.stat().st_size for file in sorted(output.rglob("*")) if file.is_file()}
    text = "\n".join(f"{file}: {size:,} bytes" for file, size in sizes.items())
    print_result(text, {str(file): size for file, size in sizes.items()}, as_json=as_json)
