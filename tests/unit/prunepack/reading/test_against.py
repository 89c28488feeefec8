"""An artifact against files on disk, to the first byte that differs."""

from pathlib import Path

import pytest
from artifact_crafting import Sample

import prunepack
from prunepack import Artifact
from prunepack.errors import UsageError
from prunepack.reading.against import Mismatch, first_mismatch

CONTENT = Sample().content


@pytest.fixture
def compared(tmp_path):
    def run(content, name="model.onnx"):
        (tmp_path / name).write_bytes(content)
        with Artifact.open(Sample().write(tmp_path / "x")) as artifact:
            return first_mismatch(artifact, tmp_path / name)

    return run


def test_the_same_file_under_any_name(compared):
    assert compared(CONTENT, "other.onnx") is None


@pytest.mark.parametrize(
    ("at", "tensor"),
    [(0, None), (4, None), (5, "w"), (52, "w"), (53, None), (56, "b"), (79, "scalar")],
)
def test_a_byte_that_differs(at, tensor, compared, tmp_path):
    content = CONTENT[:at] + bytes([CONTENT[at] ^ 1]) + CONTENT[at + 1 :]
    path = str(tmp_path / "model.onnx")
    sizes = (len(CONTENT), len(CONTENT))
    assert compared(content) == Mismatch(path, "model.onnx", at, tensor, sizes)


@pytest.mark.parametrize("size", [0, 6, len(CONTENT) - 1])
def test_a_file_that_ends_early(size, compared):
    found = compared(CONTENT[:size])
    assert (found.offset, found.sizes) == (size, (len(CONTENT), size))


def test_a_file_that_goes_on(compared):
    found = compared(CONTENT + b"more")
    assert (found.offset, found.tensor) == (len(CONTENT), None)
    assert found.sizes == (len(CONTENT), len(CONTENT) + 4)


@pytest.fixture
def external(tmp_path):
    """A golden artifact with external data, and its files on disk."""
    source = Path(__file__).parents[3] / "golden/v1/external.prunepack"
    prunepack.unpack(source, tmp_path / "out")
    with Artifact.open(source) as artifact:
        yield artifact, tmp_path / "out"


def test_external_data_is_compared_beside_the_model(external):
    artifact, folder = external
    told = []
    assert first_mismatch(artifact, folder / "model.onnx", lambda *p: told.append(p)) is None
    total = sum(file.size for file in artifact.files.values())
    assert told[-1] == (total, total)
    path = folder / "parts" / "head.bin"
    path.write_bytes(path.read_bytes()[:-1])
    found = first_mismatch(artifact, folder / "model.onnx")
    assert (found.path, found.file, found.tensor) == (str(path), "parts/head.bin", "head")


def test_a_file_that_is_missing(external):
    artifact, folder = external
    (folder / "model.onnx.data").unlink()
    with pytest.raises(UsageError, match=r"cannot open .*model\.onnx\.data"):
        first_mismatch(artifact, folder / "model.onnx")
