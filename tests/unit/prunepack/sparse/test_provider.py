"""The execution provider in onnxruntime: which nodes it claims, and its results."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack import list_sparse_layers, open_session, sparse_session_options
from prunepack.sparse.library import PROVIDER
from prunepack.sparse.native import native
from tests.unit.prunepack.sparse.numpy_twin import sparse

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

CPU = ["CPUExecutionProvider"]
RNG = np.random.default_rng(0)


def node(op, *inputs, out, **attributes):
    return helper.make_node(op, list(inputs), [out], name=out, **attributes)


def save(path, nodes, weights, input_shape, output="y", opset=20):
    make = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [make("x", TensorProto.FLOAT, input_shape)],
            [make(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()],
        ),
        ir_version=9,
        opset_imports=[helper.make_opsetid("", opset)],
    )
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def claimed(session):
    """Return the operators of each fused node."""
    parts = session.get_provider_graph_assignment_info()
    return sorted(
        [node.op_type for node in part.get_nodes()] for part in parts if part.ep_name == PROVIDER
    )


def check(path, *inputs, threads=1):
    """Run dense and sparse sessions on the inputs, and return the sparse one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = open_session(path, session_options=options, sparse="all")
    dense = onnxruntime.InferenceSession(path, providers=CPU)
    for x in inputs:
        expected, found = (s.run(None, {"x": x})[0] for s in (dense, session))
        assert found.shape == expected.shape
        scale = np.abs(expected).max(initial=0)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * (1 + scale))
    return session


def noise(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


CONVS = {
    "pointwise": ((1, 1), {}),
    "padded": ((3, 3), {"pads": [1, 1, 1, 1]}),
    "strided": ((3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "dilated": ((3, 3), {"dilations": [2, 2]}),
    "uneven": ((3, 2), {"pads": [0, 1, 2, 1], "strides": [1, 2], "dilations": [2, 1]}),
    "same upper": ((4, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    "same lower": ((4, 3), {"auto_pad": "SAME_LOWER"}),
    "valid": ((5, 5), {"auto_pad": "VALID"}),
    "not set": ((5, 5), {"auto_pad": "NOTSET"}),
    "groups": ((3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    "depthwise": ((3, 3), {"group": 8, "pads": [1, 1, 1, 1], "strides": [2, 2]}),
}


@pytest.mark.parametrize("kind", CONVS)
@pytest.mark.parametrize("threads", [1, 2])
def test_convolutions(kind, threads, tmp_path):
    kernel, attributes = CONVS[kind]
    channels = 8 // attributes.get("group", 1)
    weights = {"w": sparse(RNG, (16 if channels > 1 else 8, channels, *kernel), 0.2)}
    nodes = [node("Conv", "x", "w", out="y", **attributes)]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, "h", "w"])
    inputs = noise(1, 8, 17, 19), noise(3, 8, 12, 11), noise(0, 8, 9, 9)
    assert claimed(check(path, *inputs, threads=threads)) == [["Conv"]]


def test_a_convolution_over_one_axis(tmp_path):
    nodes = [node("Conv", "x", "w", "b", out="y", strides=[2], pads=[2, 3], dilations=[2])]
    weights = {"w": sparse(RNG, (16, 5, 4), 0.2), "b": noise(16)}
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 5, "t"])
    assert claimed(check(path, noise(2, 5, 50), noise(1, 5, 7))) == [["Conv"]]


@pytest.mark.parametrize("group", [1, 2, 8])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_convolution_over_a_column(group, stride, tmp_path):
    """The plane is one column wide, as exporters lay out sound."""
    attributes = {"group": group, "pads": [4, 0, 3, 0], "strides": [stride, stride]}
    nodes = [node("Conv", "x", "w", out="y", **attributes)]
    weights = {"w": sparse(RNG, (16, 8 // group, 7, 1), 0.2)}
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, "t", 1])
    assert claimed(check(path, noise(2, 8, 90, 1), noise(1, 8, 5, 1), threads=2)) == [["Conv"]]


@pytest.mark.parametrize("trans", [0, 1])
def test_gemm(trans, tmp_path):
    shape = (30, 20) if trans else (20, 30)
    nodes = [node("Gemm", "x", "w", "b", out="y", transB=trans, alpha=0.5, beta=2.0)]
    weights = {"w": sparse(RNG, shape, 0.2), "b": noise(30)}
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 20])
    assert claimed(check(path, noise(1, 20), noise(50, 20), noise(0, 20))) == [["Gemm"]]


@pytest.mark.parametrize("shape", [["n", 20], ["n", "t", 20], [2, 3, "t", 20]])
def test_matmul_with_bias(shape, tmp_path):
    nodes = [node("MatMul", "x", "w", out="m"), node("Add", "b", "m", out="y")]
    weights = {"w": sparse(RNG, (20, 30), 0.2), "b": noise(30)}
    path = save(tmp_path / "m.onnx", nodes, weights, shape)
    sizes = [[{"n": n, "t": 7}.get(d, d) for d in shape] for n in (1, 40)]
    (operators,) = claimed(check(path, *(noise(*size) for size in sizes)))
    assert operators in (["MatMul", "Add"], ["Gemm"])  # onnxruntime may join them before


ENDS = {
    "relu": [node("Relu", "c", out="y")],
    "clip": [node("Clip", "c", "low", "high", out="y")],
    "clip below": [node("Clip", "c", "low", out="y")],
    "gelu": [node("Gelu", "c", out="y")],
    "gelu by tanh": [node("Gelu", "c", approximate="tanh", out="y")],
    "residual": [node("Add", "c", "x", out="y")],
    "residual and relu": [node("Add", "x", "c", out="a"), node("Relu", "a", out="y")],
}


@pytest.mark.parametrize("kind", ENDS)
def test_what_follows_a_layer_is_fused(kind, tmp_path):
    weights = {"w": sparse(RNG, (8, 8, 3, 3), 0.2), "b": noise(8)}
    weights |= {"low": np.float32(-0.1), "high": np.float32(0.2)}
    nodes = [node("Conv", "x", "w", "b", out="c", pads=[1, 1, 1, 1]), *ENDS[kind]]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, 14, 14])
    session = check(path, noise(1, 8, 14, 14), noise(2, 8, 14, 14))
    assert [sorted(part) for part in claimed(session)] == [sorted(n.op_type for n in nodes)]


NOT_FUSED = {
    "two readers": [node("Relu", "c", out="r"), node("Add", "c", "r", out="y")],
    "a broadcast": [node("Add", "c", "row", out="y")],
    "a product": [node("Mul", "c", "x", out="y")],
    "itself": [node("Add", "c", "c", out="y")],
}


@pytest.mark.parametrize("kind", NOT_FUSED)
def test_what_is_no_part_of_a_layer_is_not_fused(kind, tmp_path):
    weights = {"w": sparse(RNG, (8, 8, 3, 3), 0.2), "row": noise(1, 1, 1, 14)}
    nodes = [node("Conv", "x", "w", out="c", pads=[1, 1, 1, 1]), *NOT_FUSED[kind]]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, 14, 14])
    assert claimed(check(path, noise(1, 8, 14, 14))) == [["Conv"]]


def test_two_layers_that_meet_in_one_sum(tmp_path):
    weights = {"w": sparse(RNG, (8, 8, 3, 3), 0.2), "v": sparse(RNG, (8, 8, 1, 1), 0.2)}
    nodes = [
        node("Conv", "x", "w", out="c", pads=[1, 1, 1, 1]),
        node("Conv", "x", "v", out="d"),
        node("Add", "c", "d", out="a"),
        node("Relu", "a", out="y"),
    ]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, 14, 14])
    session = check(path, noise(1, 8, 14, 14))
    assert sorted(map(len, claimed(session))) == [1, 3]


def test_an_output_of_the_model_is_kept(tmp_path):
    weights = {"w": sparse(RNG, (8, 8, 3, 3), 0.2)}
    nodes = [node("Conv", "x", "w", out="y"), node("Relu", "y", out="z")]
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, 14, 14])
    assert claimed(check(path, noise(1, 8, 14, 14))) == [["Conv"]]


UNCLAIMED = {
    "weights that vary": ([node("MatMul", "x", "x", out="y")], {}, [20, 20]),
    "float64": ([node("MatMul", "d", "w", out="y")], {"w": np.eye(20)}, [20, 20]),
    "three spatial axes": (
        [node("Conv", "x", "w", out="y")],
        {"w": noise(4, 3, 1, 1, 1)},
        [1, 3, 5, 5, 5],
    ),
    "a transposed input": ([node("Gemm", "x", "w", out="y", transA=1)], {"w": noise(9, 5)}, [9, 4]),
    "a bias per input": (
        [node("Gemm", "x", "w", "b", out="y")],
        {"w": noise(9, 5), "b": noise(4, 5)},
        [4, 9],
    ),
    "stacked weights": ([node("MatMul", "x", "w", out="y")], {"w": noise(2, 9, 5)}, [4, 9]),
}


@pytest.mark.parametrize("kind", UNCLAIMED)
def test_other_nodes_are_not_claimed(kind, tmp_path):
    nodes, weights, shape = UNCLAIMED[kind]
    if kind == "float64":
        nodes = [
            node("Cast", "x", out="d", to=TensorProto.DOUBLE),
            node("MatMul", "d", "w", out="e"),
            node("Cast", "e", out="y", to=TensorProto.FLOAT),
        ]
    path = save(tmp_path / "m.onnx", nodes, weights, shape)
    session = check(path, noise(*shape))
    assert claimed(session) == []
    assert list_sparse_layers(session) == []


def test_layers_in_a_branch(tmp_path):
    weights = sparse(RNG, (20, 30), 0.2)
    out = helper.make_tensor_value_info("o", TensorProto.FLOAT, None)
    inside = [numpy_helper.from_array(weights, "w")]
    branches = {
        "then_branch": helper.make_graph(
            [node("MatMul", "x", "w", out="o")], "t", [], [out], inside
        ),
        "else_branch": helper.make_graph([node("MatMul", "x", "v", out="o")], "e", [], [out]),
    }
    nodes = [
        node("ReduceSum", "x", out="s", keepdims=0),
        node("Greater", "s", "zero", out="c"),
        node("If", "c", out="y", **branches),
    ]
    path = save(tmp_path / "m.onnx", nodes, {"v": weights, "zero": np.float32(0)}, ["n", 20])
    check(path, np.abs(noise(4, 20)), -np.abs(noise(4, 20)))


def test_an_input_of_another_width_is_refused(tmp_path):
    nodes = [node("MatMul", "x", "w", out="y")]
    path = save(tmp_path / "m.onnx", nodes, {"w": sparse(RNG, (20, 30), 0.2)}, ["n", "k"])
    session = check(path, noise(4, 20))
    with pytest.raises(Exception, match="the input's shape does not fit the layer's weights"):
        session.run(None, {"x": noise(4, 21)})


def test_an_input_smaller_than_the_kernel_is_refused(tmp_path):
    nodes = [node("Conv", "x", "w", out="y")]
    path = save(tmp_path / "m.onnx", nodes, {"w": noise(4, 3, 5, 5)}, ["n", 3, "h", "w"])
    session = check(path, noise(1, 3, 5, 5))
    with pytest.raises(Exception, match="the input's shape does not fit the layer's weights"):
        session.run(None, {"x": noise(1, 3, 4, 5)})


def test_results_do_not_depend_on_threads_or_runs(tmp_path):
    nodes = [
        node("Conv", "x", "w", out="c", pads=[1, 1, 1, 1]),
        node("Relu", "c", out="r"),
        node("Flatten", "r", out="f"),
        node("Gemm", "f", "v", out="y", transB=1),
    ]
    weights = {"w": sparse(RNG, (128, 8, 3, 3), 0.2), "v": sparse(RNG, (200, 128 * 49), 0.1)}
    path = save(tmp_path / "m.onnx", nodes, weights, ["n", 8, 7, 7])
    for x in (noise(1, 8, 7, 7), noise(20, 8, 7, 7)):
        sessions = [check(path, x, threads=threads) for threads in (1, 2, 3)]
        outputs = [s.run(None, {"x": x})[0] for s in sessions for _ in range(2)]
        assert all(np.array_equal(outputs[0], output) for output in outputs)


def test_the_decisions_belong_to_their_session(tmp_path):
    weights = {"w": sparse(RNG, (256, 256), 0.02)}
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w", out="y")], weights, [64, 256])
    options = sparse_session_options(layers="all")
    first, second = (onnxruntime.InferenceSession(path, options) for _ in range(2))
    (layer,) = list_sparse_layers(second)
    assert list_sparse_layers(first) == [layer]
    assert (layer.op, layer.is_sparse, layer.rows, layer.columns) == ("MatMul", True, 256, 256)
    assert layer.positions == 64
    assert layer.nonzeros == np.count_nonzero(weights["w"])
    assert layer.sparsity == 1 - layer.nonzeros / 256**2
    assert layer.sparse_ns < layer.dense_ns
    del second
    assert list_sparse_layers(first) == [layer]


def test_a_dense_layer_stays_dense(tmp_path):
    nodes = [node("MatMul", "x", "w", out="m"), node("MatMul", "m", "v", out="y")]
    weights = {"w": noise(256, 256), "v": sparse(RNG, (256, 256), 0.02)}
    path = save(tmp_path / "m.onnx", nodes, weights, [64, 256])
    session = open_session(path, sparse="auto")
    assert [layer.is_sparse for layer in list_sparse_layers(session)] == [False, True]
    assert claimed(session) == [["MatMul"]]


def test_a_layer_whose_output_nothing_reads_is_skipped(tmp_path):
    nodes = [
        node("Shape", "x", out="s"),
        node("Expand", "row", "s", out="rows"),
        node("MatMul", "rows", "w", out="unread"),
        node("LogSoftmax", "x", out="y"),
    ]
    weights = {"row": noise(1, 1, 6), "w": noise(6, 2)}
    session = check(save(tmp_path / "m.onnx", nodes, weights, ["n", 3, 6]), noise(5, 3, 6))
    assert claimed(session) == [["MatMul"]]


@pytest.mark.parametrize("shape", [(64,), (1, 64), (1, 1, 64), (1, 1, 1, 64)])
def test_a_bias_with_more_axes_than_the_output_gives_them_to_it(shape, tmp_path):
    nodes = [node("MatMul", "x", "w", out="m"), node("Add", "b", "m", out="y")]
    weights = {"w": sparse(RNG, (64, 64), 0.1), "b": sparse(RNG, shape, 1)}
    session = check(save(tmp_path / "m.onnx", nodes, weights, ["n", 64]), sparse(RNG, (3, 64), 1))
    assert claimed(session) == [["Gemm" if len(shape) < 3 else "MatMul"]]
