"""A command per stage, with options made from its config: the same code as in a whole run."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunepack.io.digests import hash_file
from prunepack.pipeline.cli.command import FORCE, JSON, OUTPUT, Verb, show
from prunepack.pipeline.cli.options import config_from, options_of
from prunepack.pipeline.runner import execute, open_output
from prunepack.stages.contract.outputs import PackedArtifact

if TYPE_CHECKING:
    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Stage

__all__ = ["EXAMPLES", "command"]

EXAMPLES = {
    "load": "prunepack load --model lenet -o work/dense",
    "prune": "prunepack prune work/dense -o work/masked --scope global --amount 0.9",
    "finetune": "prunepack finetune work/masked work/dense -o work/tuned --epochs 1",
    "undo": "prunepack undo work/masked -o work/undone",
    "finalize": "prunepack finalize work/tuned -o work/final",
    "export": "prunepack export work/final -o work/onnx",
    "verify": "prunepack verify work/dense work/final work/onnx work/lenet.prunepack "
    "-o work/parity",
    "measure": "prunepack measure work/dense work/tuned work/dense_onnx work/onnx "
    "work/lenet.prunepack -o work/measured",
}


def command(name: str) -> click.Command:
    """Return the command that runs the stage ``name`` alone, from folders to a new folder."""
    stage: Stage[Any, Any, Any] = getattr(importlib.import_module(f"prunepack.stages.{name}"), name)
    arguments = [click.Argument([one], metavar=one.upper()) for one in stage.inputs]

    def run(output: str, *, force: bool, as_json: bool, **values: Any) -> None:
        config = config_from(stage.config_type, values)
        inputs = [_open(Path(values[one]), kinds) for one, kinds in stage.inputs.items()]
        facts = execute(stage, config, Path(output), *inputs, force=force)
        show(f"{output}: {facts['summary']}", facts, as_json=as_json)

    options = options_of(stage.config_type)
    return Verb(
        name,
        example=EXAMPLES[name],
        callback=run,
        params=[*arguments, OUTPUT, *options, FORCE, JSON],
        help=stage.body.__doc__,
    )


def _open(path: Path, kinds: tuple[type[Output], ...]) -> Output:
    """Open the folder of an output; an artifact may also be given as its file."""
    if PackedArtifact in kinds and path.is_file():
        return PackedArtifact(path, hash_file(path))
    return open_output(path, kinds)
