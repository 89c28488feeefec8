"""``prunepack pack``: one ONNX model into one small file."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.verb import FORCE, JSON, OUTPUT, Verb, show
from prunepack.packing import pack

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack pack work/onnx -o work/lenet.prunepack",
        callback=_pack,
        params=[click.Argument(["model"]), OUTPUT, FORCE, JSON],
        help="Pack MODEL, an .onnx file or the folder that export made, without any loss.",
    )


@click.pass_context
def _pack(ctx: click.Context, model: str, *, output: str, force: bool, as_json: bool) -> None:
    path = Path(model) / "model.onnx" if Path(model).is_dir() else Path(model)
    with ctx.obj.bar("packing") as progress:
        summary = pack(path, output, force=force, progress=progress)
    ratio = summary.source_bytes / summary.artifact_bytes
    sizes = f"{summary.source_bytes:,} → {summary.artifact_bytes:,} bytes ({ratio:.2f}×)"
    facts = {
        "source_bytes": summary.source_bytes,
        "artifact_bytes": summary.artifact_bytes,
        "digest": summary.digest,
    }
    show(f"{output}: {sizes}", facts, as_json=as_json)
