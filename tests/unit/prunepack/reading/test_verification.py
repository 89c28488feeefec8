"""Verification of an artifact: its own checksums, and files on disk."""

from pathlib import Path

import numpy as np
import pytest
from artifact_crafting import Sample, frame

import prunepack
from prunepack import Artifact
from prunepack.errors import CorruptArtifactError, UsageError
from prunepack.reading.verification import (
    MAX_NAMED_PARTS,
    Mismatch,
    check_soundness,
    count_streams,
    find_mismatch,
)


def refused(path):
    with Artifact.open(path) as artifact, pytest.raises(CorruptArtifactError) as caught:
        check_soundness(artifact)
    return str(caught.value)


def flipped(path, pattern, data):
    """Write `data` with a flipped bit in the first place that holds `pattern`."""
    spoilt = bytearray(data)
    spoilt[data.index(pattern) + len(pattern) // 2] ^= 1
    path.write_bytes(spoilt)
    return path


def test_a_sound_artifact(tmp_path):
    told = []
    with Artifact.open(Sample().write(tmp_path / "x")) as artifact:
        check_soundness(artifact, lambda *progress: told.append(progress))
        assert count_streams(artifact) == 4
    size = len(Sample().content)
    assert told[-1] == (size, size)


def test_damage_names_what_shares_the_damaged_chunk(tmp_path):
    sample = Sample()
    path = flipped(tmp_path / "x", sample.payload[1, "elements"], sample.assemble())
    message = refused(path)
    assert message.startswith(f"{path}: the SHA-256 of the artifact is not the one in its trailer")
    told = "parts that cannot be decoded: tensor `b`, tensor `scalar`, file `model.onnx`"
    assert message.endswith(told)


def test_damage_of_literal_bytes_leaves_the_tensors(tmp_path):
    path = flipped(tmp_path / "x", frame(b"frontmid"), Sample().assemble())
    assert refused(path).endswith("parts that cannot be decoded: file `model.onnx`")


def test_a_damaged_trailer_leaves_everything(tmp_path):
    data = Sample().assemble()
    path = tmp_path / "x"
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert refused(path).endswith("every tensor can still be decoded")


def test_much_damage_is_cut_short(tmp_path):
    sample = Sample()
    many = MAX_NAMED_PARTS + 1
    names = [f"b{i}" for i in range(many)]
    sample.pool["tensors"][1:] = [{"name": name, "shape": [1]} for name in names]
    sample.pool["chunks"][1]["streams"] = {}
    sample.put(1, "elements", np.arange(many, dtype="<f4"))
    sample.file["segments"] = [5, "w", 3, *names]
    sample.file["size"] = 5 + 48 + 3 + 4 * many
    sample.pool["chunk"] = 12
    path = flipped(tmp_path / "x", sample.payload[1, "elements"], sample.assemble())
    assert refused(path).endswith("tensor `b9`, and more")


CONTENT = Sample().content


@pytest.fixture
def compared(tmp_path):
    def run(content, name="model.onnx"):
        (tmp_path / name).write_bytes(content)
        with Artifact.open(Sample().write(tmp_path / "x")) as artifact:
            return find_mismatch(artifact, tmp_path / name)

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
    assert find_mismatch(artifact, folder / "model.onnx", lambda *p: told.append(p)) is None
    total = sum(file.size for file in artifact.files.values())
    assert told[-1] == (total, total)
    path = folder / "parts" / "head.bin"
    path.write_bytes(path.read_bytes()[:-1])
    found = find_mismatch(artifact, folder / "model.onnx")
    assert (found.path, found.file, found.tensor) == (str(path), "parts/head.bin", "head")


def test_a_file_that_is_missing(external):
    artifact, folder = external
    (folder / "model.onnx.data").unlink()
    with pytest.raises(UsageError, match=r"cannot open .*model\.onnx\.data"):
        find_mismatch(artifact, folder / "model.onnx")
