"""Models read piece by piece, packed or not."""

import tracemalloc

import numpy as np
import pytest
from artifact_crafting import Sample
from onnx import TensorProto, helper

import prunepack
from prunepack.diff.content import LooseContent, PackedContent, open_content
from prunepack.diff.tensors import compare
from prunepack.errors import CorruptArtifactError, RefusedError
from prunepack.io.regular_file import READ_SIZE


def write_model(folder, weight):
    """Write a model whose weight is external data, between other bytes."""
    tensor = TensorProto(name="w", data_type=1, dims=list(weight.shape), data_location=1)
    for key, value in {"location": "data", "offset": 64, "length": weight.nbytes}.items():
        tensor.external_data.add(key=key, value=str(value))
    folder.mkdir()
    (folder / "data").write_bytes(b"\xff" * 64 + weight.tobytes() + b"tail")
    graph = helper.make_graph([], "g", [], [], [tensor])
    (folder / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    return str(folder / "m.onnx")


def test_packed_and_loose_are_the_same(tmp_path):
    weight = np.arange(60, dtype="<f4").reshape(6, 10)
    model = write_model(tmp_path / "a", weight)
    prunepack.pack(model, tmp_path / "a.prunepack")
    read = {}
    for path in (model, str(tmp_path / "a.prunepack")):
        with open_content(path) as content:
            pieces = list(content.pieces())
            read[type(content)] = (
                dict(content.specs),
                content.size,
                b"".join(piece for name, piece in pieces if name is None),
                b"".join(piece for name, piece in pieces if name == "w"),
                np.concatenate(list(content.elements("w"))).tobytes(),
            )
    assert read[LooseContent] == read[PackedContent]
    assert read[PackedContent][3] == read[PackedContent][4] == weight.tobytes()


def test_no_model_is_held_whole(tmp_path):
    weight = np.zeros((12, READ_SIZE // 4), "<f4")
    paths = [write_model(tmp_path / "a", weight)]
    weight[5, 7] = 1
    paths.append(write_model(tmp_path / "b", weight))
    size = weight.nbytes
    del weight
    with open_content(paths[0]) as before, open_content(paths[1]) as after:
        tracemalloc.start()
        found = compare(before, after)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (found.values["w"].changed, found.values["w"].largest_at) == (1, 5 * READ_SIZE // 4 + 7)
    assert peak < size


def test_an_artifact_is_known_by_its_name_or_its_bytes(tmp_path):
    with open_content(str(Sample().write(tmp_path / "any"))) as content:
        assert set(content.specs) == {"w", "b", "scalar"}
    (tmp_path / "x.prunepack").write_bytes(b"no artifact")
    with (
        pytest.raises(CorruptArtifactError, match="not a prunepack artifact"),
        open_content(str(tmp_path / "x.prunepack")),
    ):
        pass


def test_a_file_that_is_neither(tmp_path):
    (tmp_path / "x").write_bytes(b"neither")
    with (
        pytest.raises(RefusedError, match="neither an ONNX model nor a safetensors checkpoint"),
        open_content(str(tmp_path / "x")),
    ):
        pass
