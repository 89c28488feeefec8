"""Sessions that get sparse weights as their nonzeros, never dense."""

import re
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_provider import check, claimed, node, noise, save

import prunepack
from prunepack.runtime.launch import Launch
from prunepack.sparse import held_weights
from prunepack.sparse.held_weights import collect_nonzeros
from prunepack.sparse.native import native
from tests.unit.prunepack.sparse.numpy_twin import sparse

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

RNG = np.random.default_rng(0)


@pytest.fixture
def attempts(monkeypatch):
    """Record the weights that each attempt to start a session leaves out."""
    found = []
    attempt = held_weights._Start.attempt

    def watched(self, left_out):
        found.append(sorted(left_out))
        return attempt(self, left_out)

    monkeypatch.setattr(held_weights._Start, "attempt", watched)
    return found


def two_layers(density=0.1, size=128):
    weights = {"v": sparse(RNG, (size, size), density), "w": sparse(RNG, (size, size), density)}
    nodes = [node("MatMul", "x", "v", out="m"), node("Gemm", "m", "w", out="y", transB=1)]
    return nodes, weights, ["n", size]


def pack(path):
    """Return the model, and its artifact."""
    prunepack.pack(path, path.with_suffix(".prunepack"))
    return [path, path.with_suffix(".prunepack")]


def run(path, x, kind="all"):
    session = prunepack.open_session(path, sparse=kind)
    return session.run(None, {"x": x})[0], session


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("form", [0, 1])
def test_weights_of_sparse_layers_are_left_out(form, tmp_path, attempts):
    nodes, weights, shape = two_layers()
    path = pack(save(tmp_path / "m.onnx", nodes, weights, shape))[form]
    found, session = run(path, noise(3, 128))
    assert attempts == [["v", "w"]]
    assert sorted(claimed(session)) == [["Gemm"], ["MatMul"]]
    assert found.shape == (3, 128)


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize("threads", [1, 3])
def test_outputs_are_those_of_dense_weights(form, threads, tmp_path, attempts):
    weights = {
        "a": sparse(RNG, (64, 32, 3, 3), 0.2),
        "b": noise(64),
        "c": sparse(RNG, (256, 16, 3, 3), 0.1),
        "d": sparse(RNG, (512, 1, 3, 3), 0.3),
        "e": sparse(RNG, (512, 200), 0.1),
    }
    nodes = [
        node("Conv", "x", "a", "b", out="p"),
        node("Conv", "p", "c", out="q", group=4),
        node("Concat", "q", "q", out="r", axis=1),
        node("Conv", "r", "d", out="s", group=512),
        node("GlobalAveragePool", "s", out="t"),
        node("Flatten", "t", out="u"),
        node("MatMul", "u", "e", out="y"),
    ]
    path = pack(save(tmp_path / "m.onnx", nodes, weights, ["n", 32, 12, 13]))[form]
    x = noise(2, 32, 12, 13)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = prunepack.open_session(path, sparse="all", session_options=options)
    options = prunepack.sparse_session_options(layers="all")  # weights are dense at first
    expected = onnxruntime.InferenceSession(tmp_path / "m.onnx", options).run(None, {"x": x})[0]
    assert np.array_equal(session.run(None, {"x": x})[0], expected)
    assert attempts == [["a", "c", "d", "e"]]


@pytest.mark.parametrize("form", [0, 1])
def test_a_weight_that_another_node_needs_after_all(form, tmp_path, attempts, monkeypatch):
    monkeypatch.setattr(held_weights, "find_layer_weights", lambda _: {"t", "v", "w"})
    nodes, weights, _ = two_layers()
    nodes[1:] = [node("Gemm", "m", "w", out="g", transB=1), node("MatMul", "g", "t", out="h")]
    weights["t"] = sparse(RNG, (128, 128), 0.1)
    nodes.append(node("Mul", "h", "t", out="y"))  # a second reader of t
    path = pack(save(tmp_path / "m.onnx", nodes, weights, [128, 128]))[form]
    x = noise(128, 128)
    expected = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": x})[0]
    found, session = run(path, x)
    assert_near(found, expected)
    assert len(attempts) > 1
    assert attempts[0] == ["t", "v", "w"]
    assert len(claimed(session)) >= 2


@pytest.mark.parametrize("form", [0, 1])
def test_layers_that_do_not_gain_get_their_weights(form, tmp_path, attempts):
    nodes, weights, _ = two_layers(0.35, 256)  # one input vector: dense is as fast
    path = pack(save(tmp_path / "m.onnx", nodes, weights, [1, 256]))[form]
    x = noise(1, 256)
    expected = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": x})[0]
    found, session = run(path, x, "auto")
    assert claimed(session) == []
    np.testing.assert_array_equal(found, expected)
    assert attempts == [["v", "w"], []]


def test_a_model_without_sparse_weights_is_read_by_onnxruntime_itself(tmp_path, attempts):
    nodes, weights, shape = two_layers(0.9)
    path = save(tmp_path / "m.onnx", nodes, weights, shape)
    check(path, noise(3, 128))
    assert attempts == []


def test_external_data(tmp_path, attempts):
    nodes, weights, shape = two_layers()
    path = save(tmp_path / "inline.onnx", nodes, weights | {"bias": noise(128)}, shape)
    model = onnx.load(path)
    model.graph.node[1].input.append("bias")
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0)
    onnx.save(model, path)
    x = noise(3, 128)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
    for name in ("m.onnx", "inline.onnx"):
        found, _ = run(tmp_path / name, x)
        assert_near(found, expected)
    assert attempts == [["v", "w"]] * 2


def test_external_data_outside_of_the_folder_is_left_to_onnxruntime(tmp_path, attempts):
    nodes, weights, shape = two_layers()
    model = onnx.load(save(tmp_path / "m.onnx", nodes, weights, shape))
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="data")
    for tensor in model.graph.initializer:
        tensor.external_data[0].value = "../data"
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(prunepack.RefusedError, match="onnxruntime cannot start on the model"):
        prunepack.open_session(tmp_path / "m.onnx", sparse="all")
    assert attempts == []


def test_a_damaged_model_is_refused_by_onnxruntime(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08:\xff\xff")
    with pytest.raises(prunepack.RefusedError, match="onnxruntime cannot start on the model"):
        prunepack.open_session(tmp_path / "m.onnx", sparse="all")


def save_read_weights(path):
    """Save a model whose weights, except those of one layer, onnxruntime changes."""
    weights = {
        "a": sparse(RNG, (64, 64, 3, 3), 0.2),
        **{name: np.abs(noise(64)) + 0.5 for name in ("scale", "shift", "mean", "variance")},
        "b": sparse(RNG, (64, 64, 3, 3), 0.2),
        "factor": noise(64, 1, 1),
        "c": sparse(RNG, (64, 64, 3, 3), 0.2),
        "turned": sparse(RNG, (128, 64), 0.1),
    }
    nodes = [
        node("Conv", "x", "a", out="p"),
        node("BatchNormalization", "p", "scale", "shift", "mean", "variance", out="q"),
        node("Conv", "q", "b", out="m"),
        node("Mul", "m", "factor", out="n"),
        node("Conv", "n", "c", out="o"),
        node("Sigmoid", "o", out="i"),
        node("Mul", "o", "i", out="silu"),
        node("GlobalAveragePool", "silu", out="r"),
        node("Flatten", "r", out="s"),
        node("Transpose", "turned", out="t", perm=[1, 0]),
        node("MatMul", "s", "t", out="y"),
    ]
    return save(path, nodes, weights, ["n", 64, 12, 12])


@pytest.mark.parametrize("is_known", [True, False])
def test_weights_that_an_optimiser_reads(is_known, tmp_path, attempts, monkeypatch, capfd):
    if not is_known:
        monkeypatch.setattr(held_weights, "find_layer_weights", lambda _: set("abc") | {"turned"})
    path = save_read_weights(tmp_path / "m.onnx")
    for form in pack(path):
        x = noise(2, 64, 12, 12)
        expected = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
        found, session = run(form, x)
        assert_near(found, expected)
        assert ["Conv", "Sigmoid", "Mul"] in claimed(session)
    assert attempts == ([["c"]] * 2 if is_known else [["a", "b", "c", "turned"], []] * 2)
    assert ("Exception during initialization" in capfd.readouterr().err) is not is_known


def test_weights_in_a_branch(tmp_path, attempts):
    weights = sparse(RNG, (128, 128), 0.1)
    out = helper.make_tensor_value_info("o", TensorProto.FLOAT, None)
    branches = {
        f"{name}_branch": helper.make_graph([node("MatMul", "x", "v", out="o")], name, [], [out])
        for name in ("then", "else")
    }
    nodes = [
        node("ReduceSum", "x", out="s", keepdims=0),
        node("Greater", "s", "zero", out="c"),
        node("If", "c", out="b", **branches),
        node("MatMul", "b", "v", out="y"),
    ]
    path = save(tmp_path / "m.onnx", nodes, {"v": weights, "zero": np.float32(0)}, ["n", 128])
    x = noise(4, 128)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
    for form in pack(path):
        assert_near(run(form, x)[0], expected)
    assert attempts == [[]]  # of the artifact


def test_nonzeros_of_pieces():
    values = sparse(RNG, (1000,), 0.2)
    values[:5] = [0.0, -0.0, np.nan, np.inf, 1e-45]
    places, found = collect_nonzeros([values[:300], values[300:301], values[301:]], 1000)
    assert places.dtype == np.uint32
    assert np.array_equal(places, np.flatnonzero(values != 0))
    assert found.tobytes() == values[places].tobytes()


@pytest.mark.parametrize(("density", "is_held"), [(0.0, True), (0.3, True), (0.5, False)])
def test_weights_with_many_nonzeros_stay_dense(density, is_held):
    pieces = [sparse(RNG, (500,), density) for _ in range(4)]
    assert (collect_nonzeros(pieces, 2000) is not None) is is_held
    assert collect_nonzeros([], 0) is None


def test_buffers_that_do_not_fit():
    places, values = np.zeros(3, np.uint32), np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="the buffers of a weight differ in their lengths"):
        native.hold_weight(-1, "w", places, values)
    assert native.release_weights(-1) == []


def test_weights_are_released_when_a_start_fails(tmp_path, monkeypatch):
    nodes, weights, shape = two_layers()
    path = pack(save(tmp_path / "m.onnx", nodes, weights, shape))[1]

    def fail(*_):
        raise KeyError

    monkeypatch.setattr(Launch, "start_once", fail)
    numbers = []
    release = native.release_weights
    monkeypatch.setattr(
        held_weights, "native", _Watched(lambda number: numbers.append(number) or release(number))
    )
    with pytest.raises(KeyError):
        prunepack.open_session(path, sparse="all")
    assert len(numbers) == 1
    assert release(numbers[0]) == []


class _Watched:
    """The native module with another ``release_weights``."""

    hold_weight = staticmethod(native.hold_weight) if native else None

    def __init__(self, release):
        self.release_weights = release


CHILD = """
import re, sys
import numpy, onnxruntime, prunepack
path, kind = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = prunepack.open_session(path, sparse=kind, session_options=options,
                                 providers=["CPUExecutionProvider"])
print(re.search(r"VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read())[1])
assert kind == "off" or all(l.is_sparse for l in prunepack.list_sparse_layers(session))
"""


def read_peak(path, kind):
    """Return the peak memory of a process that starts a session, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, path, kind], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(re.search(r"\d+", done.stdout)[0]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_memory_of_a_start_is_lower_by_most_of_the_weights(tmp_path):
    size, count = 2048, 4
    weights = {f"w{i}": sparse(RNG, (size, size), 0.1) for i in range(count)}
    nodes = [
        node("Gemm", f"x{i}" if i else "x", f"w{i}", out=f"x{i + 1}", transB=1)
        if i % 2
        else node("MatMul", f"x{i}" if i else "x", f"w{i}", out=f"x{i + 1}")
        for i in range(count)
    ]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", size], output=f"x{count}")
    for form in pack(path):
        peaks = {kind: read_peak(form, kind) for kind in ("off", "all")}
        assert peaks["off"] - peaks["all"] > 0.6 * count * size**2 * 4


def test_numpy_types_are_not_mixed_up(tmp_path, attempts):
    """Weights of other types, and with one axis, are never left out."""
    weights = {
        "v": sparse(RNG, (128, 128), 0.1),
        "half": sparse(RNG, (128, 128), 0.1).astype(np.float16),
        "line": np.concatenate([noise(10), np.zeros(8182, np.float32)]),
        "shape": np.array([1, 8192]),
    }
    nodes = [
        node("MatMul", "x", "v", out="m"),
        node("Cast", "half", out="h", to=TensorProto.FLOAT),
        node("MatMul", "m", "h", out="p"),
        node("Reshape", "line", "shape", out="l"),
        node("ReduceSum", "l", out="s", keepdims=0),
        node("Add", "p", "s", out="y"),
    ]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 128])
    x = noise(3, 128)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
    for form in pack(path):
        assert_near(run(form, x)[0], expected)
    assert attempts[0] == ["v"]
    assert numpy_helper.to_array(onnx.load(path).graph.initializer[1]).dtype == np.float16
