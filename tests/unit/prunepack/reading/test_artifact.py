"""Reading one tensor, one file, and everything."""

import hashlib
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from artifact_crafting import Sample
from onnx import helper, numpy_helper

import prunepack
from prunepack import Artifact
from prunepack.errors import CorruptArtifactError, UsageError


@pytest.fixture
def sample():
    return Sample()


@pytest.fixture
def artifact(sample, tmp_path):
    with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
        yield artifact


def test_tensors(artifact, sample):
    assert list(artifact.tensors) == ["w", "b", "scalar"]
    for name, expected in (("w", sample.w), ("b", sample.b), ("scalar", sample.scalar)):
        info, found = artifact.tensors[name], artifact.read_tensor(name)
        assert (info.dtype, info.shape, info.nbytes) == ("float32", expected.shape, expected.nbytes)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
        found[...] = 9  # a tensor belongs to whoever asked for it
        assert artifact.read_tensor(name).tobytes() == expected.tobytes()


def test_files(artifact, sample):
    assert list(artifact.files) == ["model.onnx"]
    assert artifact.files["model.onnx"].size == 80
    assert artifact.read_file("model.onnx") == sample.content
    pieces = list(artifact.iter_file("model.onnx"))
    assert [piece.nbytes for piece in pieces] == [5, 48, 3, 20, 4]
    assert all(piece.readonly for piece in pieces)


def test_tensors_and_literals_across_chunks(sample, tmp_path):
    """Every chunk size gives the same content, cut differently."""
    literal = b"frontmid"
    for size in range(1, 20):
        other = Sample()
        other.pool["chunk"] = size
        other.payload = {}
        cuts = range(0, 18, size)
        other.pool["chunks"] = [{"codec": "dense", "streams": {}} for _ in cuts]
        for index, start in enumerate(cuts):
            other.put(index, "elements", other.elements[start : start + size])
        other.header["literals"] = {"chunk": 8, "chunks": [{}]}
        other.store("literal", Sample().payload["literal"])
        assert len(literal) == 8
        with Artifact.open(other.write(tmp_path / "model.prunepack")) as artifact:
            artifact.verify()
            assert artifact.read_file("model.onnx") == sample.content
            for name in ("w", "b", "scalar"):
                expected = getattr(sample, name)
                assert artifact.read_tensor(name).tobytes() == expected.tobytes()
                parts = list(artifact.iter_tensor(name))
                assert np.concatenate(parts).tobytes() == expected.tobytes()
                assert all(part.size <= size for part in parts)


def test_copies(sample, tmp_path):
    sample.header["copies"] = [
        {"name": "tied", "of": "w", "shape": [2, 6]},
        {"name": "loose", "of": "b", "shape": [5, 1]},
    ]
    sample.content += sample.w.tobytes()
    sample.file["segments"].append("tied")
    sample.file["size"] = len(sample.content)
    sample.file["sha256"] = hashlib.sha256(sample.content).hexdigest()
    with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
        artifact.verify()
        assert np.array_equal(artifact.read_tensor("tied"), sample.w.reshape(2, 6))
        assert np.array_equal(artifact.read_tensor("loose"), sample.b.reshape(5, 1))
        assert artifact.tensors["tied"].is_copy
        assert not artifact.tensors["w"].is_copy


def test_names_that_are_not_there(artifact):
    path = artifact.path
    do = "Run `prunepack inspect` for all names"
    with pytest.raises(UsageError) as caught:
        artifact.read_tensor("v")
    assert str(caught.value) == f"no tensor `v` in `{path}`: expected one of w, b, scalar. {do}"
    with pytest.raises(UsageError) as caught:
        artifact.read_file("x")
    assert str(caught.value) == f"no file `x` in `{path}`: expected one of model.onnx. {do}"


def test_a_closed_artifact_keeps_no_file_open(artifact):
    artifact.close()
    with pytest.raises(UsageError, match="the artifact is closed"):
        artifact.read_tensor("w")


def test_progress_reaches_the_end(artifact):
    seen = []
    artifact.verify(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (80, 80)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_the_digest_is_the_end_of_the_file(artifact, sample):
    assert artifact.digest == sample.assemble()[-32:].hex()
    assert artifact.size == len(sample.assemble())


def test_only_the_chunks_of_a_tensor_are_read(sample, tmp_path):
    """Damage in one chunk does not touch the tensors of another."""
    sample.stream(1, "elements")["crc32"] ^= 1
    with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
        assert artifact.read_tensor("w").tobytes() == sample.w.tobytes()
        with pytest.raises(CorruptArtifactError, match="pool 0, chunk 1: stream elements: wrong"):
            artifact.read_tensor("scalar")
        with pytest.raises(CorruptArtifactError, match="pool 0, chunk 1: stream elements: wrong"):
            artifact.read_file("model.onnx")


@pytest.fixture
def many(tmp_path):
    """Return an open artifact of 12 tensors, more than its cache holds, and the tensors."""
    random = np.random.default_rng(0)
    arrays = {f"w{i}": random.standard_normal((64, 64)).astype(np.float32) for i in range(12)}
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    onnx.save_model(
        helper.make_model(helper.make_graph([], "g", [], [], tensors)), tmp_path / "m.onnx"
    )
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack", level="fast")
    with Artifact.open(tmp_path / "m.prunepack") as artifact:
        yield artifact, arrays


def read_all(artifact, arrays):
    for _ in range(6):
        for name, array in arrays.items():
            assert artifact.read_tensor(name).tobytes() == array.tobytes()
        artifact.check_digest()
    return True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_forked_processes_read_an_artifact_that_was_open(many):
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=read_all, args=many) for _ in range(4)]
    for child in children:
        child.start()
    assert read_all(*many)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4


@pytest.mark.parametrize("has_pread", [True, False])
def test_threads_share_an_artifact(has_pread, many, monkeypatch):
    if not has_pread:  # as on Windows
        monkeypatch.delattr(os, "pread", raising=False)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: read_all(*many), range(8)))


def test_reads_that_return_less_than_was_asked_for(many, monkeypatch):
    whole = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, at: whole(file, min(size, 1000), at))
    assert read_all(*many)
