"""Commands of the stages: each runs one stage alone, with the code of a whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.io.digests import hash_file
from prunepack.pipeline.cli.command import (
    command,
    force_option,
    input_argument,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.pipeline.single_stage import execute, open_output
from prunepack.stages.compact import compact
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact
from prunepack.stages.contract.user_code import is_model_file
from prunepack.stages.export import export
from prunepack.stages.finalize import finalize
from prunepack.stages.finetune import finetune
from prunepack.stages.load import load
from prunepack.stages.load_onnx import LoadOnnxConfig, load_onnx
from prunepack.stages.prune import prune, prune_onnx
from prunepack.stages.undo import undo

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.pipeline.cli.command import Command
    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Stage

__all__ = [
    "compact_command",
    "export_command",
    "finalize_command",
    "finetune_command",
    "load_command",
    "prune_command",
    "undo_command",
]


NOTHING = "-"
"""The argument for an input that does not exist."""


def _stage_command(
    stage: Stage[Any, Any, Any],
    help_text: str,
    example: str,
    of_onnx: Stage[Any, Any, Any] | None = None,
) -> Command:
    """Return the command that runs ``stage`` from folders to a new folder.

    ``of_onnx`` runs in its place where the model is ONNX.
    """
    others = {} if of_onnx is None else of_onnx.inputs

    def run_stage(*, output: Path, force: bool, as_json: bool, **values: Any) -> None:
        given = {name: values.pop(name) for name in stage.inputs}
        inputs = [
            None
            if str(given[name]) == NOTHING and name in stage.optional_inputs
            else _open(given[name], (*kinds, *others.get(name, ())))
            for name, kinds in stage.inputs.items()
        ]
        config = make_config(stage.config_type, values)
        is_onnx = any(isinstance(each, OnnxModel) for each in inputs)
        is_onnx = is_onnx or is_model_file(getattr(config, "model", ""))
        chosen = of_onnx if of_onnx is not None and is_onnx else stage
        if chosen is load_onnx:
            config = LoadOnnxConfig.select(config)
        facts = execute(chosen, config, output, *inputs, force=force)
        print_result(f"{output}: {facts['summary']}", facts, as_json=as_json)

    decorators = [
        *(input_argument(name, metavar=name.upper()) for name in stage.inputs),
        output_option,
        config_options(stage.config_type),
        force_option,
        json_option,
    ]
    decorated: Any = run_stage
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return command(name=stage.name, help=help_text, example=example)(decorated)


def _open(path: Path, kinds: tuple[type[Output], ...]) -> Output:
    """Open the folder of an output; an artifact may also be given as its file."""
    if PackedArtifact in kinds and path.is_file():
        return PackedArtifact(path, hash_file(path))
    return open_output(path, kinds)


load_command = _stage_command(
    load,
    "Load a trained model as a checkpoint.",
    "prunepack load --model lenet -o work/dense",
    of_onnx=load_onnx,
)
prune_command = _stage_command(
    prune,
    "Add pruning masks to a model.\n\nMODEL is a checkpoint, with or without masks, or an ONNX "
    "model. In a checkpoint, pruned weights stay stored under their masks: `prunepack undo` "
    "restores them. In an ONNX model, pruned weights are set to zero.",
    "prunepack prune work/dense -o work/masked --scope global --amount 0.9",
    of_onnx=prune_onnx,
)
finetune_command = _stage_command(
    finetune,
    "Train the remaining weights of a pruned model.\n\nMODEL is the pruned checkpoint. DENSE is "
    "the checkpoint before pruning; pass '-' if there is none. Pruned weights stay zero.",
    "prunepack finetune work/masked work/dense -o work/tuned --epochs 1",
)
undo_command = _stage_command(
    undo,
    "Remove the masks and restore the dense model.",
    "prunepack undo work/masked -o work/undone",
)
finalize_command = _stage_command(
    finalize,
    "Make the masks permanent and prove that the outputs stay the same.",
    "prunepack finalize work/tuned -o work/final",
)
export_command = _stage_command(
    export,
    "Export a model to an ONNX file that is byte-identical on every machine.",
    "prunepack export work/final -o work/onnx",
)
compact_command = _stage_command(
    compact,
    "Remove the dead parts of an ONNX model, so that it is smaller and faster.\n\nMODEL is an "
    "output of export, or of prune for an ONNX model. Channels, neurons, attention heads and "
    "branches that no output depends on are removed; the outputs stay the same.",
    "prunepack compact work/onnx -o work/compacted",
)
