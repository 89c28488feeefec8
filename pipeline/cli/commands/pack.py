"""``prunepack pack``: a model in one small file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.coding.levels import LEVEL_HELP, LEVELS
from prunepack.packing import pack
from prunepack.pipeline.cli.command import (
    command,
    force_option,
    input_argument,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.coding.levels import LevelName
    from prunepack.pipeline.cli.console import Console

__all__ = ["pack_command"]


@command(example="prunepack pack work/onnx -o work/lenet.prunepack")
@input_argument("model")
@output_option
@click.option(
    "--level", type=click.Choice(list(LEVELS)), default="small", show_default=True, help=LEVEL_HELP
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Number of threads.  [default: one per core]"
)
@force_option
@json_option
@click.pass_obj
def pack_command(
    console: Console,
    model: Path,
    *,
    output: Path,
    level: LevelName,
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Pack a model into one small file, without loss.

    MODEL is an .onnx file, whose external data is found beside it, the folder of an export, or a
    .safetensors file.
    """
    path = model / "model.onnx" if model.is_dir() else model
    with console.bar("packing") as progress:
        summary = pack(path, output, level=level, threads=threads, force=force, progress=progress)
    ratio = summary.source_bytes / summary.artifact_bytes
    sizes = f"{summary.source_bytes:,} → {summary.artifact_bytes:,} bytes ({ratio:.2f}×)"
    facts = {
        "source_bytes": summary.source_bytes,
        "artifact_bytes": summary.artifact_bytes,
        "digest": summary.digest,
    }
    print_result(f"{output}: {sizes}", facts, as_json=as_json)
