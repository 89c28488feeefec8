"""A graph without its weights, and the weights, are the model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import prunepack
from prunepack.errors import LimitExceededError, RefusedError
from prunepack.format.limits import Limits
from prunepack.reading.artifact import Artifact
from prunepack.reading.lazy_file import LazyFile
from prunepack.runtime.graph_edits import OFFSET_OUTSIDE
from prunepack.runtime.weightless_graph import extract_graph

RANDOM = np.random.default_rng(0)
LARGE = RANDOM.normal(size=(80, 60)).astype(np.float32)


def model_of(*initializers, nodes=(), opset=21):
    """Return a model with a node that reads all initializers."""
    reader = helper.make_node("Sum", [tensor.name for tensor in initializers], ["sum"])
    graph = helper.make_graph([*nodes, reader], "g", [], [], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def branch(tensor):
    """Return a node with a subgraph that has an initializer of its own."""
    out = helper.make_tensor_value_info(tensor.name, 1, list(tensor.dims))
    graph = helper.make_graph([], "branch", [], [out], [tensor])
    return helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=graph)


def pack(model, folder, **external):
    onnx.save_model(model, folder / "m.onnx", **external)
    prunepack.pack(folder / "m.onnx", folder / "m.prunepack")
    return Artifact.open(folder / "m.prunepack")


def taken_apart(artifact):
    """Extract a graph; return it, the extraction, and the model with its weights put back."""
    with artifact:
        taken = extract_graph(artifact, "place")
        graph = onnx.ModelProto.FromString(taken.model)
        whole = onnx.ModelProto.FromString(taken.model)
        for tensor in whole.graph.initializer:
            if weight := taken.weights.get(tensor.name):
                told = {entry.key: entry.value for entry in tensor.external_data}
                assert told == {"location": "place", "offset": str(OFFSET_OUTSIDE)}
                assert weight.onnx_code == tensor.data_type
                tensor.ClearField("external_data")
                tensor.ClearField("data_location")
                tensor.raw_data = artifact.read_tensor(weight.tensor).tobytes()
    return graph, taken, whole


def inline(model):
    """Return a model whose initializers do not mention the place of their content."""
    for tensor in model.graph.initializer:
        tensor.ClearField("data_location")
    return model


DTYPES = [
    *(np.float32, np.float64, np.float16, np.int8, np.uint8, np.int16, np.int32, np.int64),
    *(np.uint16, np.uint32, np.uint64, np.bool_),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_a_large_initializer_is_left_out(dtype, tmp_path):
    elements = RANDOM.integers(0, 2, size=(300, 60)).astype(dtype)
    model = model_of(numpy_helper.from_array(elements, "w"))
    graph, taken, whole = taken_apart(pack(model, tmp_path))
    assert list(taken.weights) == ["w"]
    assert not graph.graph.initializer[0].raw_data
    assert whole == model


@pytest.mark.parametrize("code", [TensorProto.BFLOAT16, TensorProto.FLOAT8E4M3FN])
def test_a_type_that_numpy_lacks_is_left_out(code, tmp_path):
    raw = RANDOM.integers(0, 100, size=40_000, dtype=np.uint8).tobytes()
    size = 2 if code == TensorProto.BFLOAT16 else 1
    model = model_of(helper.make_tensor("w", code, [40_000 // size], raw, raw=True))
    _, taken, whole = taken_apart(pack(model, tmp_path))
    assert list(taken.weights) == ["w"]
    assert whole == model


def test_what_is_not_a_large_initializer_of_one_stored_tensor_stays(tmp_path):
    many = RANDOM.integers(0, 100, size=40_000)
    stays = [
        numpy_helper.from_array(LARGE[:2], "small"),
        numpy_helper.from_array(np.zeros((0, 3), np.float32), "empty"),
        numpy_helper.from_array(np.array(2.5), "scalar"),
        numpy_helper.from_array(np.array(["a", "b"], object), "text"),
        helper.make_tensor("typed", TensorProto.FLOAT, LARGE.shape, LARGE.ravel()),
        helper.make_tensor("packed", TensorProto.INT4, [40_000], many % 8),
        numpy_helper.from_array(LARGE + 1, "twice"),
        numpy_helper.from_array(LARGE + 2, "twice"),
        numpy_helper.from_array(LARGE + 3, ""),
    ]
    model = model_of(
        *stays,
        numpy_helper.from_array(LARGE, "w"),
        nodes=[
            branch(numpy_helper.from_array(LARGE - 1, "inner")),
            helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(LARGE - 2, "k")),
        ],
    )
    _, taken, whole = taken_apart(pack(model, tmp_path))
    assert list(taken.weights) == ["w"]
    assert whole == model
    assert not taken.files


def test_external_data_is_left_out_or_comes_inline(tmp_path):
    model = model_of(
        numpy_helper.from_array(LARGE, "w"),
        numpy_helper.from_array(np.arange(3), "shape"),
        numpy_helper.from_array(np.zeros((0, 3), np.float32), "empty"),
        numpy_helper.from_array(LARGE[:30].copy(), "small"),
    )
    expected = onnx.ModelProto.FromString(model.SerializeToString())
    artifact = pack(model, tmp_path, save_as_external_data=True, location="d", size_threshold=0)
    _, taken, whole = taken_apart(artifact)
    assert list(taken.weights) == ["w"]
    assert inline(whole) == inline(expected)
    assert not taken.files


def points(name, shape, offset=0):
    """Return an initializer whose content lies in the file ``d``."""
    tensor = TensorProto(name=name, dims=shape, data_type=1, data_location=TensorProto.EXTERNAL)
    size = 4 * int(np.prod(shape))
    for key, value in {"location": "d", "offset": offset, "length": size}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def test_initializers_that_share_a_range_of_a_file(tmp_path):
    (tmp_path / "d").write_bytes(LARGE.tobytes())
    shared = [points("a", [80, 60]), points("b", [80, 60]), points("flat", [4800])]
    part = points("part", [10, 60], offset=1200)
    _, taken, whole = taken_apart(pack(model_of(*shared, part), tmp_path))
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in whole.graph.initializer}
    assert {"a", "b"} <= taken.weights.keys()
    assert "part" not in taken.weights
    for name, tensor in zip(["a", "b", "flat", "part"], [*shared, part], strict=True):
        expected = LARGE[5:15] if name == "part" else LARGE.reshape(tensor.dims)
        np.testing.assert_array_equal(found[name], expected)


def test_external_data_in_a_subgraph_is_handed_over_as_a_file(tmp_path):
    (tmp_path / "d").write_bytes(LARGE.tobytes())
    model = model_of(
        points("w", [80, 60]),
        numpy_helper.from_array(LARGE + 1, "own"),
        nodes=[branch(points("inner", [80, 60]))],
    )
    _, taken, whole = taken_apart(pack(model, tmp_path))
    assert list(taken.weights) == ["own"]
    assert whole == model
    assert taken.files == {"d": LARGE.tobytes()}


def test_a_checkpoint_is_no_model(tmp_path):
    save_file({"w": LARGE}, tmp_path / "c.safetensors")
    prunepack.pack(tmp_path / "c.safetensors", tmp_path / "c.prunepack")
    with Artifact.open(tmp_path / "c.prunepack") as artifact, pytest.raises(RefusedError) as caught:
        extract_graph(artifact, "place")
    where = f"{tmp_path / 'c.prunepack'}: file `c.safetensors`: "
    assert str(caught.value) == (
        f"{where}no session can start on a checkpoint, which has weights and no graph: "
        "expected an ONNX model, found a safetensors checkpoint. "
        "Export the model to ONNX, and pack the .onnx file"
    )


def test_a_lazy_file_decodes_the_tensors_that_are_read(tmp_path):
    model = model_of(
        numpy_helper.from_array(LARGE, "first"), numpy_helper.from_array(LARGE + 1, "second")
    )
    with pack(model, tmp_path) as artifact:
        data = (tmp_path / "m.onnx").read_bytes()
        first, second = (data.index(array.tobytes()) for array in (LARGE, LARGE + 1))
        file = LazyFile(artifact, "m.onnx")
        assert file.find_tensor(first, first + LARGE.nbytes) == "first"
        assert file.find_tensor(first, first + LARGE.nbytes - 4) is None
        assert file.find_tensor(0, 4) is None
        assert bytes(file.read(0, first)) == data[:first]
        assert not any(file.data[first : first + LARGE.nbytes])
        assert bytes(file.read(first - 1, first + 8)) == data[first - 1 : first + 8]
        assert bytes(file.data[:second]) == data[:second]
        assert not any(file.data[second : second + LARGE.nbytes])
        assert bytes(file.read(0, len(data))) == data


def test_too_many_initializers_are_refused_before_any_work(tmp_path):
    """Some hundred bytes may hold millions of empty initializers."""
    (tmp_path / "m.onnx").write_bytes(b"\x3a\xd0\x0f" + b"\x2a\x00" * 1000)
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack")
    with Artifact.open(tmp_path / "m.prunepack", Limits(tensors=1000)) as artifact:
        assert extract_graph(artifact, "place").weights == {}
    with (
        Artifact.open(tmp_path / "m.prunepack", Limits(tensors=999)) as artifact,
        pytest.raises(LimitExceededError) as caught,
    ):
        extract_graph(artifact, "place")
    assert str(caught.value) == (
        f"{tmp_path / 'm.prunepack'}: file `m.onnx`: the artifact exceeds the reader limit "
        "`tensors`: expected at most 999, found 1000. "
        "Open the artifact with Limits(tensors=1000), or `--max-tensors 1000`, if you trust "
        "its source"
    )
