"""Program: an ONNX model or a torch module that can compute any of its intermediate tensors."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from prunepack.errors import UsageError
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, PackedArtifact, find_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from prunepack.stages.bisection.onnx_program import OnnxProgram
    from prunepack.stages.contract.arrays import ArrayMapping, Arrays
    from prunepack.stages.graph_diff.graph import NodeGraph


__all__ = ["Program", "open_program"]


class Program(Protocol):
    """Something that computes the tensors of a graph, by their names there.

    Attributes:
        label: Its name in messages.
        graph: The graph.
        folder: The folder of the graph's external data.
        exported: The graph as an ONNX program; the program itself if it is one.
        runs: Number of runs so far, of the whole or of a part.
    """

    label: str
    graph: NodeGraph
    folder: Path
    exported: OnnxProgram
    runs: int

    def can_compute(self, name: str) -> bool:
        """Return whether the program can compute the tensor ``name``."""
        ...

    def compute(self, names: Collection[str], inputs: ArrayMapping) -> Arrays:
        """Return the tensors ``names``, computed from ``inputs`` in one run."""
        ...

    def find_modules(self, tensor: str, boundary: Collection[str]) -> str:
        """Return the modules that made ``tensor`` out of ``boundary``; empty if not known."""
        ...


@contextmanager
def open_program(path: Path, *, dynamic_batch: bool = True) -> Iterator[Program]:
    """Open a ``.onnx`` or ``.prunepack`` file, or the folder of a checkpoint, export or pack.

    Args:
        path: The file or folder.
        dynamic_batch: Whether a checkpoint is traced with a dynamic batch axis, or for one sample.

    Raises:
        UsageError: If ``path`` does not exist.
        RefusedError: If it is of another kind, or damaged.
    """
    from prunepack.stages.bisection.onnx_program import OnnxProgram

    if not path.exists():
        raise UsageError(
            f"`{path}` does not exist",
            expected="an .onnx or .prunepack file, or the folder of a checkpoint or an export",
        )
    kind = find_kind(path, (Checkpoint, OnnxModel, PackedArtifact)) if path.is_dir() else None
    if kind is Checkpoint:
        yield _open_checkpoint(path, dynamic_batch=dynamic_batch)
    elif kind is PackedArtifact or path.suffix == ".prunepack":
        with TemporaryDirectory() as folder:
            yield OnnxProgram.open(_unpack_model(path, Path(folder)), str(path))
    else:
        yield OnnxProgram.open(path / "model.onnx" if kind is OnnxModel else path, str(path))


def _open_checkpoint(path: Path, *, dynamic_batch: bool) -> Program:
    from prunepack.stages.bisection.torch_program import TorchProgram
    from prunepack.stages.models.checkpoints import open_model

    module, spec = open_model(Checkpoint(path, ""))
    return TorchProgram(module, spec, str(path), dynamic_batch=dynamic_batch)


def _unpack_model(artifact: Path, folder: Path) -> Path:
    """Unpack an artifact into a sub-folder of ``folder``; return the path of its model."""
    from prunepack.reading.artifact import Artifact
    from prunepack.unpacking import unpack

    file = PackedArtifact(artifact, "").file
    unpack(file, folder / "files")
    with Artifact.open(file) as opened:
        return folder / "files" / next(iter(opened.files))
