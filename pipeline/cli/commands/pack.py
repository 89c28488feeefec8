"""``prunepack pack``: one model into one small file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunepack.coding.levels import LEVEL_HELP, LEVELS
from prunepack.packing import pack
from prunepack.pipeline.cli.command import FORCE, JSON, OUTPUT, Verb, show

if TYPE_CHECKING:
    from prunepack.coding.levels import LevelName

__all__ = ["command"]

LEVEL = click.Option(
    ["--level"],
    type=click.Choice(list(LEVELS)),
    default="small",
    show_default=True,
    help=LEVEL_HELP,
)
THREADS = click.Option(
    ["--threads"], type=click.IntRange(min=1), help="Threads; by default one per core."
)


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack pack work/onnx -o work/lenet.prunepack",
        callback=_pack,
        params=[click.Argument(["model"]), OUTPUT, LEVEL, THREADS, FORCE, JSON],
        help="Pack MODEL without any loss: an .onnx file, whose external data is found beside it, "
        "the folder that export made, or a .safetensors file.",
    )


@click.pass_context
def _pack(
    ctx: click.Context,
    model: str,
    *,
    output: str,
    level: LevelName,
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    path = Path(model) / "model.onnx" if Path(model).is_dir() else Path(model)
    with ctx.obj.bar("packing") as progress:
        summary = pack(path, output, level=level, threads=threads, force=force, progress=progress)
    ratio = summary.source_bytes / summary.artifact_bytes
    sizes = f"{summary.source_bytes:,} → {summary.artifact_bytes:,} bytes ({ratio:.2f}×)"
    facts = {
        "source_bytes": summary.source_bytes,
        "artifact_bytes": summary.artifact_bytes,
        "digest": summary.digest,
    }
    show(f"{output}: {sizes}", facts, as_json=as_json)
