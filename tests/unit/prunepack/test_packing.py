"""Pack and unpack whole models."""

import shutil
import stat

import numpy as np
import onnx
import pytest
import zstandard
from onnx import helper, numpy_helper

import prunepack
from prunepack import Artifact
from prunepack.coding.levels import LEVELS
from prunepack.errors import LimitExceededError, UsageError
from prunepack.format.limits import Limits

RNG = np.random.default_rng(0)


def save(path, arrays, **external):
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors))
    onnx.save_model(model, path, save_as_external_data=bool(external), **external)
    return path


@pytest.fixture
def arrays():
    sparse = RNG.normal(size=(300, 500)).astype(np.float32)
    sparse[np.abs(sparse) < 1.6] = 0
    return {
        "large": sparse,
        "tied": sparse.T.copy().T,
        "small": sparse[:10].copy(),
        "bias": RNG.normal(size=300).astype(np.float32),
        "zeros": np.zeros((7, 11), np.float16),
        "ints": np.arange(100),
        "mask": RNG.random(50) < 0.5,
    }


@pytest.mark.parametrize("external", [{}, {"location": "m.onnx.data", "size_threshold": 0}])
def test_there_and_back(external, arrays, tmp_path):
    path = save(tmp_path / "m.onnx", arrays, **external)
    packed = tmp_path / "m.prunepack"
    summary = prunepack.pack(path, packed)
    prunepack.unpack(packed, tmp_path / "out")
    sources = sorted(tmp_path.glob("m.onnx*"))
    assert [p.name for p in sources] == sorted(p.name for p in (tmp_path / "out").iterdir())
    for source in sources:
        assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()
    assert summary.source_bytes == sum(p.stat().st_size for p in sources)
    assert summary.artifact_bytes == packed.stat().st_size < summary.source_bytes / 4
    with Artifact.open(packed) as artifact:
        assert summary.digest == artifact.digest
        rows = prunepack.describe_tensors(artifact)
        assert {row.name for row in rows} == set(artifact.tensors) == set(arrays)
        for name, array in arrays.items():
            assert artifact.read_tensor(name).dtype == array.dtype
            assert np.array_equal(artifact.read_tensor(name), array)
        assert artifact.tensors["tied"].is_copy


def test_the_same_input_gives_the_same_bytes_anywhere(arrays, tmp_path):
    one = save(tmp_path / "m.onnx", arrays, location="w.bin", size_threshold=0)
    (tmp_path / "elsewhere").mkdir()
    for source in ("m.onnx", "w.bin"):
        shutil.copy(tmp_path / source, tmp_path / "elsewhere" / source)
    prunepack.pack(one, tmp_path / "one")
    prunepack.pack(tmp_path / "elsewhere" / "m.onnx", tmp_path / "elsewhere" / "two")
    data = (tmp_path / "one").read_bytes()
    assert data == (tmp_path / "elsewhere" / "two").read_bytes()
    assert tmp_path.name.encode() not in data


def test_a_tensor_of_many_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("prunepack.writing.writer.CHUNK_ITEMS", 1000)
    monkeypatch.setattr("prunepack.writing.writer.LITERAL_CHUNK", 100)
    arrays = {"a": RNG.normal(size=2500), "b": np.arange(17), "c": RNG.normal(size=1501)}
    path = save(tmp_path / "m.onnx", arrays)
    prunepack.pack(path, tmp_path / "p")
    with Artifact.open(tmp_path / "p") as artifact:
        assert [len(pool.chunks) for pool in artifact.layout.pools] == [5, 1]
        assert artifact.read_file("m.onnx") == path.read_bytes()
        for name, array in arrays.items():
            assert np.array_equal(artifact.read_tensor(name), array)


def test_progress_covers_coding_and_reading_back(arrays, tmp_path):
    path = save(tmp_path / "m.onnx", {"a": arrays["small"], "b": arrays["ints"]})
    seen = []
    prunepack.pack(path, tmp_path / "p", progress=lambda *at: seen.append(at))
    size = path.stat().st_size
    assert seen[-1] == (2 * size, 2 * size)
    assert (size, 2 * size) in seen
    assert seen == sorted(seen)
    seen.clear()
    prunepack.unpack(tmp_path / "p", tmp_path / "out", progress=lambda *at: seen.append(at))
    assert seen[-1] == (size, size)


def test_external_data_in_a_folder_of_its_own(arrays, tmp_path):
    tensor = onnx.TensorProto(name="t", data_type=1, dims=[300, 500], data_location=1)
    tensor.external_data.add(key="location", value="weights/t.bin")
    model = helper.make_model(helper.make_graph([], "g", [], [], [tensor]))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "t.bin").write_bytes(arrays["large"].tobytes())
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "p")
    prunepack.unpack(tmp_path / "p", tmp_path / "out")
    data = (tmp_path / "out" / "weights" / "t.bin").read_bytes()
    assert data == arrays["large"].tobytes()
    prunepack.unpack(tmp_path / "p", tmp_path / "out", force=True)


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_comes_back_whatever_the_threads(level, arrays, tmp_path, monkeypatch):
    monkeypatch.setattr("prunepack.writing.writer.CHUNK_ITEMS", 10_000)
    monkeypatch.setattr("prunepack.io.parallel.MIN_PARALLEL_BYTES", 0)
    path = save(tmp_path / "m.onnx", arrays)
    artifacts = set()
    for threads in (1, 2, 5, None):
        prunepack.pack(path, tmp_path / "p", level=level, threads=threads, force=True)
        artifacts.add((tmp_path / "p").read_bytes())
        with Artifact.open(tmp_path / "p") as artifact:
            assert b"".join(artifact.iter_file("m.onnx", threads=threads)) == path.read_bytes()
            for name, array in artifact.read_tensors(threads=threads).items():
                assert np.array_equal(array, arrays[name])
    assert len(artifacts) == 1


def test_more_effort_makes_it_smaller(tmp_path):
    rng = np.random.default_rng(0)
    kept, sign = rng.random((256, 64, 1)) < 0.2, rng.choice([-1, 1], (256, 64, 1))
    weights = (kept * sign * (1 + rng.random((256, 64, 9)))).astype(np.float32)
    path = save(tmp_path / "m.onnx", {"w": weights.reshape(256, 64, 3, 3)})
    sizes = [prunepack.pack(path, tmp_path / level, level=level).artifact_bytes for level in LEVELS]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.97 * sizes[1]


def test_an_unknown_level(arrays, tmp_path):
    path = save(tmp_path / "m.onnx", {"a": arrays["small"]})
    with pytest.raises(
        UsageError, match="unknown level: expected 'fast', 'small' or 'max', found 'most'"
    ):
        prunepack.pack(path, tmp_path / "p", level="most")


def test_an_artifact_has_the_permissions_of_any_new_file(tmp_path):
    path = save(tmp_path / "m.onnx", {"a": np.arange(40)})
    prunepack.pack(path, tmp_path / "p")
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("p", "plain")}
    assert len(modes) == 1


def test_what_no_reader_would_open_is_not_written(tmp_path, monkeypatch):
    path = save(tmp_path / "m.onnx", {"a": np.arange(40)})
    monkeypatch.setattr("prunepack.reading.artifact.Limits", lambda: Limits(decoded_bytes=100))
    with pytest.raises(LimitExceededError, match="limit `decoded_bytes`: expected at most 100"):
        prunepack.pack(path, tmp_path / "p")
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def tree(nodes):
    """Return a model of one node with lists of numbers as attributes."""
    rng = np.random.default_rng(0)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_modes=[("LEAF", "BRANCH_LEQ")[i] for i in rng.integers(0, 2, nodes)],
        nodes_nodeids=(np.arange(nodes) % 50).tolist(),
        nodes_values=rng.normal(size=nodes).tolist(),
    )
    return helper.make_model(helper.make_graph([node], "g", [], []))


@pytest.mark.parametrize("kind", ["dense", "pruned", "masked", "basis", "tree", "many", "empty"])
def test_a_higher_level_is_never_larger(kind, tmp_path):
    weight = RNG.normal(size=(300, 400)).astype(np.float32)
    kept = np.abs(weight) > 1.3
    arrays = {
        "dense": {"w": weight},
        "pruned": {"w": np.where(kept, weight, 0).astype(np.float32)},
        "masked": {"w": weight * kept},
        "basis": {"w": np.sin(np.outer(np.arange(257), np.arange(512)) * np.pi / 256).astype("f4")},
        "many": {f"w{i}": weight[i % 300, : 17 + i] for i in range(200)},
        "empty": {},
    }
    path = tmp_path / "m.onnx"
    if kind == "tree":
        path.write_bytes(tree(9000).SerializeToString())
    else:
        save(path, arrays[kind])
    sizes = [
        prunepack.pack(path, tmp_path / "m", level=level, force=True).artifact_bytes
        for level in LEVELS
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_a_small_model_has_little_overhead(tmp_path):
    text = zstandard.ZstdCompressor(level=19).compress(tree(10).SerializeToString())
    (tmp_path / "model.onnx").write_bytes(tree(10).SerializeToString())
    summary = prunepack.pack(tmp_path / "model.onnx", tmp_path / "m")
    assert summary.artifact_bytes <= len(text) + 120


def test_too_many_tensors_are_found_before_anything_is_coded(tmp_path, monkeypatch):
    path = save(tmp_path / "m.onnx", {f"w{i}": np.arange(20) * i for i in range(30)})
    monkeypatch.setattr("prunepack.packing.write_artifact", None)
    with pytest.raises(LimitExceededError) as caught:
        prunepack.pack(path, tmp_path / "m", limits=Limits(tensors=29))
    assert str(caught.value) == (
        f"{path}: the model has more tensors than readers accept by default: expected at most 29, "
        "found 30 or more. Pack it with `--max-tensors NUMBER`, and read it with the same limit"
    )
    assert not (tmp_path / "m").exists()


def test_too_many_files_are_found_before_anything_is_coded(tmp_path):
    arrays = {f"w{i}": np.arange(20) * i for i in range(5)}
    path = save(tmp_path / "m.onnx", arrays, all_tensors_to_one_file=False, size_threshold=0)
    with pytest.raises(LimitExceededError, match="more files than readers accept by default"):
        prunepack.pack(path, tmp_path / "m", limits=Limits(files=4))


def test_a_limit_can_be_raised(tmp_path):
    path = save(tmp_path / "m.onnx", {f"w{i}": np.arange(20) * i for i in range(30)})
    prunepack.pack(path, tmp_path / "m", limits=Limits(tensors=30))
    with pytest.raises(LimitExceededError):
        Artifact.open(tmp_path / "m", Limits(tensors=29))
