"""Targets of fuzzing: functions of arbitrary bytes that may only refuse them."""

import contextlib
from pathlib import Path

import prunepack
from prunepack import Artifact, Limits, describe_tensors
from prunepack.diff.content import open_content
from prunepack.errors import RefusedError, UsageError
from prunepack.reading.verification import check_soundness

MIB = 2**20
LIMITS = Limits(
    header_bytes=MIB // 8, tensors=200, files=20, chunk_bytes=MIB, decoded_bytes=4 * MIB
)
"""Small, so that what passes them stands out."""


def artifact(data, folder):
    """Read everything in an artifact, in every way there is."""
    path = folder / "model.prunepack"
    path.write_bytes(data)
    with contextlib.suppress(RefusedError), Artifact.open(path, LIMITS) as opened:
        for step in (
            *(lambda name=name: list(opened.iter_tensor(name)) for name in opened.tensors),
            *(lambda name=name: opened.read_file(name) for name in opened.files),
            lambda: opened.read_tensors(threads=1),
            lambda: list(describe_tensors(opened)),
            lambda: check_soundness(opened),
        ):
            with contextlib.suppress(RefusedError):
                step()


def model(data, folder):
    """Read a model; one that is not refused must come back from being packed, byte for byte."""
    given = folder / "given"
    given.mkdir(exist_ok=True)
    (given / "model.onnx").write_bytes(data)
    (given / "model.onnx.data").write_bytes(bytes(range(256)) * 8)
    with contextlib.suppress(RefusedError, UsageError):
        with open_content(str(given / "model.onnx")) as content:
            for name in content.specs:
                list(content.elements(name))
        prunepack.pack(given / "model.onnx", folder / "packed", force=True, threads=1)
        with Artifact.open(folder / "packed") as opened:
            for name in opened.files:
                assert opened.read_file(name) == (given / name).read_bytes()


TARGETS = {"artifact": artifact, "model": model}
HERE = Path(__file__).parent


def seeds(target):
    """Return the files that fuzzing a target begins with: past findings and golden files too."""
    folders = [HERE / "corpus" / target, HERE / "findings" / target]
    found = [file for folder in folders for file in sorted(folder.glob("*"))]
    golden = (HERE.parent / "golden").glob("v*/*.prunepack") if target == "artifact" else ()
    return [*found, *sorted(golden)]
