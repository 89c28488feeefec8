"""Kinds of output that pass between stages; each kind knows its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from prunepack.errors import RefusedError
from prunepack.io.digests import hash_file
from prunepack.io.json_files import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "KINDS",
    "Checkpoint",
    "MaskedCheckpoint",
    "Measurements",
    "MetricsOutput",
    "OnnxModel",
    "Output",
    "PackedArtifact",
    "ParityResult",
    "ProbeResult",
    "Verdict",
    "find_kind",
    "hash_release",
    "write_interface",
]


@dataclass(frozen=True, slots=True)
class Output:
    """A folder of files.

    Attributes:
        path: The folder.
        digest: SHA-256 (hex) over the names and contents of its files.
    """

    files: ClassVar[tuple[str, ...]] = ()
    """File names in a folder of this kind; no other kind has all of them."""
    made_by: ClassVar[str] = ""
    """The command that makes an output of this kind, for messages."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Checkpoint(Output):
    """A model without separate masks: its layers compute with its weights.

    ``model.json`` says how to build the module, ``weights.safetensors`` is its state dict.
    """

    files = ("model.json", "weights.safetensors")
    made_by = "prunepack load or prunepack finalize"

    @property
    def parts(self) -> dict[str, Path]:
        """The state dict, by its name."""
        return {self.files[1]: self.path / self.files[1]}


@dataclass(frozen=True, slots=True)
class MaskedCheckpoint(Output):
    """A model with pruning masks: ``NAME_orig`` parameters and ``NAME_mask`` buffers.

    ``pruned_model.pth`` is the same state dict, for plain ``torch.load``.
    """

    files = ("model.json", "masked.safetensors", "pruned_model.pth")
    made_by = "prunepack prune"

    @property
    def state_dict(self) -> Path:
        """The state dict as ``torch.save`` writes it."""
        return self.path / "pruned_model.pth"


@dataclass(frozen=True, slots=True)
class OnnxModel(Output):
    """``model.onnx``, and files beside it where the weights are too large for one file."""

    files = ("model.onnx", "interface.json")
    made_by = "prunepack export"

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.path / "model.onnx"

    @property
    def interface(self) -> dict[str, Any]:
        """Names, shapes and dtypes of inputs and outputs, and the dataset's name."""
        return read_json(self.path / "interface.json")

    @property
    def masked(self) -> list[str]:
        """The initializers whose zeros are a mask, where the model was pruned before the run."""
        return [str(name) for name in self.interface.get("masked", ())]

    @property
    def parts(self) -> dict[str, Path]:
        """The model and its external data, by path relative to the folder."""
        files = (file for file in sorted(self.path.rglob("*")) if file.is_file())
        parts = {file.relative_to(self.path).as_posix(): file for file in files}
        parts.pop("interface.json", None)
        return parts

    @property
    def named_parts(self) -> dict[str, Path]:
        """The parts by the names that they had before they came into the folder."""
        name = self.interface.get("file", "model.onnx")
        return {name if part == "model.onnx" else part: f for part, f in self.parts.items()}

    @property
    def size(self) -> int:
        """Bytes of the model and its external data."""
        return sum(file.stat().st_size for file in self.parts.values())


@dataclass(frozen=True, slots=True)
class PackedArtifact(Output):
    """``model.prunepack``: the file to deploy."""

    files = ("model.prunepack",)
    made_by = "prunepack pack"

    @property
    def file(self) -> Path:
        """The artifact; the path itself if that is a file."""
        return self.path if self.path.is_file() else self.path / "model.prunepack"


@dataclass(frozen=True, slots=True)
class MetricsOutput(Output):
    """Metrics in a JSON file, the first file of the kind."""

    @property
    def file(self) -> Path:
        """The JSON file; the path itself if that is a file."""
        return self.path if self.path.is_file() else self.path / self.files[0]

    @property
    def content(self) -> dict[str, Any]:
        """The content of that file."""
        return read_json(self.file)


@dataclass(frozen=True, slots=True)
class ParityResult(MetricsOutput):
    """``parity.json``: the error between torch, ONNX and the decoded artifact."""

    files = ("parity.json",)
    made_by = "prunepack verify"


@dataclass(frozen=True, slots=True)
class Measurements(MetricsOutput):
    """``measurements.json``: sizes and latencies beside those of the dense model."""

    files = ("measurements.json",)
    made_by = "prunepack measure"


@dataclass(frozen=True, slots=True)
class ProbeResult(MetricsOutput):
    """``probe.json``: the metric of a model that was pruned without training, and its zeros."""

    files = ("probe.json",)
    made_by = "prunepack sensitivity"


@dataclass(frozen=True, slots=True)
class Verdict(MetricsOutput):
    """``report.json``, ``report.md``, ``junit.xml``: the checks and their outcomes."""

    files = ("report.json", "report.md", "junit.xml")
    made_by = "prunepack gate"


def hash_release(
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
    *dense: Checkpoint | OnnxModel | None,
) -> dict[str, str]:
    """Return the SHA-256 of each file of a release, by the file's name.

    The names of the files of the dense model, which is not deployed, begin with ``dense/``.
    """
    files = {f"dense/{name}": file for form in dense if form for name, file in form.parts.items()}
    files |= {} if onnx is None else onnx.parts
    if artifact is not None:
        files["model.prunepack"] = artifact.file
    return {name: hash_file(file) for name, file in files.items()}


KINDS: tuple[type[Output], ...] = (
    MaskedCheckpoint,
    Checkpoint,
    OnnxModel,
    PackedArtifact,
    ParityResult,
    Measurements,
    ProbeResult,
    Verdict,
)


def find_kind(folder: Path, allowed: tuple[type[Output], ...] = KINDS) -> type[Output]:
    """Return the kind of the output in ``folder``, one of ``allowed``.

    Raises:
        RefusedError: If it is not a folder, or holds an output of another kind.
    """
    wanted = " or ".join(f"a {kind.__name__} ({', '.join(kind.files)})" for kind in allowed)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise RefusedError(f"`{folder}` is not a folder", expected=wanted, found=found)
    present = {entry.name for entry in folder.iterdir()}
    for kind in KINDS:
        if present.issuperset(kind.files):
            if kind in allowed:
                return kind
            raise _refuse_kind(folder, kind, wanted, [each.made_by for each in allowed])
    listing = ", ".join(sorted(present)[:6]) or "an empty folder"
    raise RefusedError(f"`{folder}` holds no output of a stage", expected=wanted, found=listing)


def _refuse_kind(
    folder: Path, kind: type[Output], wanted: str, commands: list[str]
) -> RefusedError:
    return RefusedError(
        f"`{folder}` is of the wrong kind",
        expected=wanted,
        found=f"a {kind.__name__}",
        hint=f"Make one with {' or '.join(commands)}",
    )


def write_interface(folder: Path, interface: Mapping[str, Any]) -> None:
    """Write ``interface.json`` of an :class:`OnnxModel` in ``folder``."""
    text = json.dumps(interface, indent=1) + "\n"
    (folder / "interface.json").write_text(text, encoding="utf-8")
