"""Files of models as forms: the inputs of verify and measure, without folders of stages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.io.digests import hash_file
from prunepack.pipeline.single_stage import open_output
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.stages.contract.outputs import Output

__all__ = ["name_compared", "name_measured", "open_file", "open_files", "open_graph"]

COPIED = "copied"
"""The digest of a model that was copied into a folder of this process."""

Forms = tuple[OnnxModel, OnnxModel | None, PackedArtifact | None]
"""Dense ONNX, pruned ONNX, artifact."""


def name_measured(
    dense: OnnxModel, onnx: OnnxModel | None, artifact: PackedArtifact | None
) -> dict[str, Output | None]:
    """Return the inputs of measure by name; there is no form in torch."""
    return {"dense_onnx": dense, "onnx": onnx, "artifact": artifact}


def name_compared(
    dense: OnnxModel, onnx: OnnxModel | None, artifact: PackedArtifact | None
) -> dict[str, Output | None]:
    """Return the inputs of verify by name; there is no form in torch.

    An artifact of the dense model itself is not a pruned model: both must agree.
    """
    packed_name = None if artifact is None or onnx else _find_packed_name(artifact, dense)
    if packed_name is None:
        return {"dense": dense, "onnx": onnx, "artifact": artifact}
    if dense.digest == COPIED:
        _record_name(dense, packed_name)
    return {"onnx": dense, "artifact": artifact}


def open_files(paths: Sequence[Path], folder: Path) -> Forms:
    """Open the dense model, and the pruned one as ONNX, as artifact, or both.

    Raises:
        UsageError: If the pruned model is given twice in the same form.
    """
    dense, *others = paths
    forms: dict[bool, Output] = {}
    for number, path in enumerate(others):
        pruned = open_file(path, folder / str(number))
        if isinstance(pruned, PackedArtifact) in forms:
            raise UsageError(
                "the pruned model is given twice in the same form",
                expected="DENSE PRUNED, or DENSE PRUNED.onnx PRUNED.prunepack",
                found=" ".join(map(str, paths)),
                hint="Compare each of them with the dense model in a run of its own",
            )
        forms[isinstance(pruned, PackedArtifact)] = pruned
    onnx, artifact = forms.get(False), forms.get(True)
    assert onnx is None or isinstance(onnx, OnnxModel)
    assert artifact is None or isinstance(artifact, PackedArtifact)
    return open_graph(dense, folder / "dense"), onnx, artifact


def open_file(path: Path, folder: Path) -> Output:
    """Open an ONNX model or an artifact, as :func:`open_graph` does for the former."""
    if path.is_dir():
        return open_output(path, (OnnxModel, PackedArtifact))
    if path.suffix == ".prunepack":
        return PackedArtifact(path, hash_file(path))
    return open_graph(path, folder)


def open_graph(path: Path, folder: Path) -> OnnxModel:
    """Open an ONNX model; a packed one is unpacked into ``folder``."""
    from prunepack.stages.graphs.source import load_graph

    if path.is_dir():
        opened = open_output(path, (OnnxModel, PackedArtifact))
        if isinstance(opened, OnnxModel):
            return opened
        assert isinstance(opened, PackedArtifact)
        path = opened.file
    folder.mkdir()
    load_graph(path, folder, masks="none")
    return OnnxModel(folder, COPIED)


def _find_packed_name(artifact: PackedArtifact, model: OnnxModel) -> str | None:
    """Return the name of the model in ``artifact`` if that holds the files of ``model``."""
    from prunepack.reading.artifact import Artifact

    with Artifact.open(artifact.file) as opened:
        packed = {file.sha256 for file in opened.files.values()}
        first = next(iter(opened.files))
    return first if packed == {hash_file(file) for file in model.parts.values()} else None


def _record_name(model: OnnxModel, name: str) -> None:
    """Record the name under which the model is packed."""
    interface = model.interface | {"file": name}
    (model.path / "interface.json").write_text(json.dumps(interface))
