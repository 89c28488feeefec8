"""``prunepack pack``: a model in one small file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.stages.pack import PackConfig, pack_model

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.format.limits import Limits
    from prunepack.pipeline.cli.console import Console

__all__ = ["pack_command"]


@command(example="prunepack pack work/compacted -o work/lenet.prunepack")
@input_argument("model")
@output_option
@config_options(PackConfig)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Number of threads.  [default: one per core]"
)
@limits_options
@force_option
@json_option
@click.pass_obj
def pack_command(
    console: Console,
    /,
    model: Path,
    *,
    output: Path,
    threads: int | None,
    limits: Limits,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Pack a model into one small file, without loss.

    MODEL is an .onnx file (with any external data next to it), an export folder, or a
    .safetensors file.
    """
    config = make_config(PackConfig, options)
    path = model / "model.onnx" if model.is_dir() else model
    with console.bar("packing") as progress:
        facts = pack_model(
            config,
            path,
            output,
            threads=threads,
            limits=limits,
            force=force,
            progress=progress,
        )
    print_result(f"{output}: {facts['summary']}", facts, as_json=as_json)
