"""Contents of an artifact, tensor by tensor and part by part."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from artifact_crafting import Sample
from onnx import helper

import prunepack
from prunepack import Artifact, TensorRow, describe_tensors
from prunepack.coding.codecs import CODECS
from prunepack.coding.dtypes import DTYPES, bits
from prunepack.coding.narrow_types import split
from prunepack.reading.inspection import PartRow, describe_parts

GOLDEN = sorted((Path(__file__).parents[3] / "golden").glob("v*/*.prunepack"))


def test_rows(tmp_path):
    sample = Sample()
    sample.header["copies"] = [{"name": "tied", "of": "b", "shape": [5]}]
    sample.pool["tensors"].append({"name": "empty", "shape": [0]})
    sample.file["segments"].append("empty")
    sizes = [len(sample.payload[0, "gaps"]) + len(sample.payload[0, "values"])]
    sizes.append(len(sample.payload[1, "elements"]))
    with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
        rows = list(describe_tensors(artifact))
    assert rows == [
        TensorRow("w", "float32", (4, 3), 12, ("gaps",), 1, sizes[0], 8 / 12, 1, 0),
        TensorRow("b", "float32", (5,), 5, ("dense",), 1, round(sizes[1] * 5 / 6), 0.0, 0, 0),
        TensorRow("scalar", "float32", (), 1, ("dense",), 1, round(sizes[1] / 6), 0.0, 0, 0),
        TensorRow("empty", "float32", (0,), 0, (), 0, 0, 0.0, 0, 0),
        TensorRow("tied", "float32", (5,), 5, ("dense",), 1, 0, 0.0, 0, 0),
    ]


def test_parts_add_up_to_the_file(tmp_path):
    sample = Sample()
    path = sample.write(tmp_path / "model.prunepack")
    with Artifact.open(path) as artifact:
        rows = describe_parts(artifact)
    payload = {key: len(data) for key, data in sample.payload.items()}
    size = path.stat().st_size
    expected = [
        PartRow("gaps", 1, 48, payload[0, "gaps"] + payload[0, "values"]),
        PartRow("dense", 1, 24, payload[1, "elements"]),
    ]
    assert rows == [
        *sorted(expected, key=lambda row: -row.stored_bytes),
        PartRow("literals", 1, 8, payload["literal"]),
        PartRow("header", 0, 0, size - sum(payload.values())),
    ]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_zeros_are_those_of_the_decoded_tensor(path):
    """Golden files hold every codec and every type; whoever counts, the count is the same."""
    with Artifact.open(path) as artifact:
        for row, quick in zip(
            describe_tensors(artifact), describe_tensors(artifact, decode=False), strict=True
        ):
            parts = [split(p, DTYPES[row.dtype]) for p in artifact.iter_tensor(row.name)]
            elements = np.concatenate([np.empty(0), *map(bits, parts)])[: row.elements]
            expected = np.count_nonzero(elements == 0) / max(row.elements, 1)
            assert row.zero_fraction == expected, row.name
            assert quick.zero_fraction in (expected, None), row.name


def pattern(codec):
    """Return a tensor that the codec is made for."""
    rng = np.random.default_rng(0)
    array = rng.normal(size=(300, 300)).astype("f4")
    if codec == "gaps":
        array[rng.random(array.shape) < 0.9] = 0
    elif codec == "bitmap":
        array[:, rng.random(300) < 0.5] = 0
    elif codec == "groups":
        places = rng.random((array.size // 4, 4)).argsort(axis=1)
        np.put_along_axis(array.reshape(-1, 4), places[:, :2], 0, axis=1)
    elif codec in ("zeros", "constant"):
        array[:] = codec == "constant"
    return array


@pytest.mark.parametrize("codec", ["bitmap", "constant", "gaps", "groups", "zeros", "dense"])
def test_what_the_codec_tells_needs_no_decoding(codec, tmp_path, monkeypatch):
    array = pattern(codec)
    graph = helper.make_graph([], "g", [], [], [onnx.numpy_helper.from_array(array, "w")])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack")
    with Artifact.open(tmp_path / "m.prunepack") as artifact:
        (row,) = describe_tensors(artifact, decode=False)
        told = None if codec == "dense" else np.count_nonzero(array == 0) / array.size
        assert (row.codecs, row.zero_fraction) == ((codec,), told)
        monkeypatch.setattr(artifact, "iter_tensor", lambda _name: pytest.fail("it was decoded"))
        with pytest.raises(pytest.fail.Exception, match="it was decoded"):
            list(describe_tensors(artifact))
        assert list(describe_tensors(artifact, decode=False)) == [row]


@pytest.mark.parametrize(("dtype", "is_decoded"), [("i4", False), ("u1", False), ("f8", True)])
def test_integers_are_decoded_only_for_their_zeros(dtype, is_decoded, tmp_path, monkeypatch):
    array = (pattern("gaps") * 50).astype(dtype)
    graph = helper.make_graph([], "g", [], [], [onnx.numpy_helper.from_array(array, "w")])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack", level="fast")
    decoded = []
    with Artifact.open(tmp_path / "m.prunepack") as artifact:
        iter_tensor = artifact.iter_tensor
        monkeypatch.setattr(
            artifact, "iter_tensor", lambda name: decoded.append(name) or iter_tensor(name)
        )
        (row,) = describe_tensors(artifact)
    assert (row.negative_zeros, row.denormals, bool(decoded)) == (0, 0, is_decoded)


def test_no_codec_is_forgotten():
    told = {"bitmap", "constant", "contexts", "gaps", "groups", "zeros"}
    assert set(CODECS) - told == {"dense", "palette", "signs", "steps"}, (
        "does the new codec tell how many zeros?"
    )
