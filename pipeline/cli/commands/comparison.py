"""Commands that compare a model with the dense one: ``prunepack verify``, ``prunepack measure``.

Each runs its stage on the folders of all forms, or on files of ONNX models and artifacts, which
need no torch.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError
from prunepack.io.digests import hash_file
from prunepack.pipeline.cli.command import (
    PATH,
    command,
    force_option,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.pipeline.single_stage import execute, open_output
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact
from prunepack.stages.measure import measure
from prunepack.stages.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.pipeline.cli.command import Command
    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Stage

__all__ = ["measure_command", "verify_command"]

COPIED = "copied"
"""The digest of a model that was copied into a folder of this process."""

Forms = tuple[OnnxModel, OnnxModel | None, PackedArtifact | None]
"""Dense ONNX, pruned ONNX, artifact."""


def _comparison_command(stage: Stage[Any, Any, Any], help_text: str, example: str) -> Command:
    """Return the command that runs ``stage`` on folders of all forms, or on two or three files."""

    def run_stage(
        models: tuple[Path, ...], *, output: Path, force: bool, as_json: bool, **values: Any
    ) -> None:
        config = make_config(stage.config_type, values)
        with _open_inputs(stage, models) as inputs:
            facts = execute(stage, config, output, *inputs, force=force)
        print_result(f"{output}: {facts['summary']}", facts, as_json=as_json)

    decorators = [
        click.argument("models", nargs=-1, required=True, type=PATH),
        output_option,
        config_options(stage.config_type),
        force_option,
        json_option,
    ]
    decorated: Any = run_stage
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return command(name=stage.name, help=help_text, example=example)(decorated)


@contextmanager
def _open_inputs(
    stage: Stage[Any, Any, Any], paths: Sequence[Path]
) -> Iterator[list[Output | None]]:
    """Provide the inputs of ``stage``: one for each of its forms, or None where there is none.

    Raises:
        UsageError: If the number of paths fits neither all forms nor files.
        RefusedError: If a path is not what it stands for.
    """
    kinds = stage.inputs
    if len(paths) == len(kinds):
        pairs = zip(paths, kinds.values(), strict=True)
        yield [open_output(path, allowed) for path, allowed in pairs]
        return
    if len(paths) not in {2, 3}:
        raise UsageError(
            f"{stage.name} cannot compare {len(paths)} model{'s' if len(paths) > 1 else ''}",
            expected=f"2 or 3 files (DENSE PRUNED), or {len(kinds)} folders "
            f"({' '.join(kinds).upper()})",
            found=f"{len(paths)}",
        )
    with TemporaryDirectory() as folder:
        forms = _name_forms(stage, *_open_files(paths, Path(folder)))
        yield [forms.get(name) for name in kinds]


def _name_forms(
    stage: Stage[Any, Any, Any],
    dense: OnnxModel,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> dict[str, Output | None]:
    """Return the inputs of ``stage`` by name; there is no form in torch.

    An artifact of the dense model itself is not a pruned model: both must agree.
    """
    if stage is measure:
        return {"dense_onnx": dense, "onnx": onnx, "artifact": artifact}
    packed_name = None if artifact is None or onnx else _find_packed_name(artifact, dense)
    if packed_name is None:
        return {"dense": dense, "onnx": onnx, "artifact": artifact}
    if dense.digest == COPIED:
        _record_name(dense, packed_name)
    return {"onnx": dense, "artifact": artifact}


def _open_files(paths: Sequence[Path], folder: Path) -> Forms:
    """Open the dense model, and the pruned one as ONNX, as artifact, or both.

    Raises:
        UsageError: If the pruned model is given twice in the same form.
    """
    dense, *others = paths
    forms: dict[bool, Output] = {}
    for number, path in enumerate(others):
        pruned = _open_file(path, folder / str(number))
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
    return _open_graph(dense, folder / "dense"), onnx, artifact


def _open_file(path: Path, folder: Path) -> Output:
    if path.is_dir():
        return open_output(path, (OnnxModel, PackedArtifact))
    if path.suffix == ".prunepack":
        return PackedArtifact(path, hash_file(path))
    return _open_graph(path, folder)


def _open_graph(path: Path, folder: Path) -> OnnxModel:
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


verify_command = _comparison_command(
    verify,
    "Compare every output of the forms of a model, or of two ONNX files.\n\nMODELS are two "
    "files (DENSE PRUNED), three files (DENSE PRUNED.onnx PRUNED.prunepack) or four stage outputs "
    "(DENSE FINAL ONNX ARTIFACT). The files are ONNX models or artifacts and need no torch. The "
    "exit code does not depend on the result; use `prunepack gate` to judge it.",
    "prunepack verify work/dense work/final work/compacted work/lenet.prunepack -o work/parity",
)
measure_command = _comparison_command(
    measure,
    "Measure size, latency and memory, compared with the dense model.\n\nMODELS are two files "
    "(DENSE PRUNED), three files (DENSE PRUNED.onnx PRUNED.prunepack) or five stage outputs (DENSE "
    "MASKED DENSE_ONNX ONNX ARTIFACT). The files are ONNX models or artifacts and need no torch.",
    "prunepack measure work/dense work/tuned work/dense_onnx work/compacted work/lenet.prunepack "
    "-o work/measured",
)
