"""ONNX files and artifacts as sources, in the place of a module with weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.packing import find_model_files
from prunepack.reading.artifact import Artifact
from prunepack.stages.contract.outputs import write_interface
from prunepack.stages.exporting.declarations import declare_graph
from prunepack.stages.exporting.programs import export_program
from prunepack.stages.graphs.interface import describe_inputs
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.sparsity import find_masks
from prunepack.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import ModelProto

    from prunepack.stages.contract.model_spec import InputSpec, MaskSource

__all__ = ["copy_model", "load_graph"]


def load_graph(
    source: Path,
    out: Path,
    *,
    inputs: Sequence[InputSpec] = (),
    dataset: str = "",
    masks: MaskSource = "auto",
) -> ModelProto:
    """Write the model of an ONNX file or an artifact as an output of the export stage.

    Args:
        source: The file.
        out: The folder to write to.
        inputs: The inputs by the user's recipe, which decide the sizes of dynamic axes.
        dataset: The dataset that measures accuracy.
        masks: How zeros of the weights are taken for masks.

    Raises:
        RefusedError: If it is not an ONNX model, or onnxruntime cannot run it.
    """
    name = copy_model(source, out)
    model = read_model(out / "model.onnx")
    specs = describe_inputs(model, out / "model.onnx", source.name, inputs)
    interface = {
        "inputs": [spec.model_dump(mode="json") for spec in specs],
        "outputs": [value.name for value in model.graph.output],
        "dataset": dataset,
        "file": name,
        "masked": find_masks(model, out, masks),
        "declared": declare_graph(model.graph),
    }
    write_interface(out, interface)
    return model


def copy_model(source: Path, out: Path) -> str:
    """Copy a model and its external data into ``out``, as ``model.onnx``; return its name.

    Raises:
        RefusedError: If it is not an ONNX model.
    """
    if source.suffix == ".pt2":
        export_program(source, out / "model.onnx")
        return "model.onnx"
    if source.suffix == ".prunepack":
        with TemporaryDirectory(dir=out) as folder:
            unpack(source, Path(folder, "files"))
            with Artifact.open(source) as artifact:
                files = {name: Path(folder, "files", name) for name in artifact.files}
            return _move_files(files, source, out)
    return _move_files(find_model_files(source), source, out)


def _move_files(files: Mapping[str, Path], source: Path, out: Path) -> str:
    first = next(iter(files))
    if not first.endswith(".onnx"):
        raise RefusedError(
            f"`{source}` holds no ONNX model",
            expected="an .onnx file, or an artifact of one",
            found=first,
            hint="Give the file that an exporter wrote, or that prunepack pack made of it",
        )
    for name, file in files.items():
        target = out / ("model.onnx" if name == first else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return first
