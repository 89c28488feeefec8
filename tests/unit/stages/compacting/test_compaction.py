"""Dead parts of a graph go, exactly; what cannot be folded exactly stays."""

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.stages.compacting.compaction import compact_model
from tests.unit.stages.compacting.random_graphs import GraphBuilder, draw_model, to_model

MAP = (2, 3, 6, 6)


def run(model, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def compact(model):
    """Return the compacted model; None if nothing is dead."""
    graph = onnx_ir.from_proto(model)
    return None if compact_model(graph) is None else onnx_ir.to_proto(graph)


def check(model, shape):
    """Compact a model, and hold both to the same outputs."""
    compacted = compact(model)
    if compacted is None:
        return None
    onnx.checker.check_model(compacted, full_check=True)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    before, after = run(model, x), run(compacted, x)
    assert before.shape == after.shape
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5 * max(abs(before).max(), 1e-6))
    assert compact(compacted) is None
    return compacted


def shapes_of(model):
    return [tuple(tensor.dims) for tensor in model.graph.initializer if len(tensor.dims) > 1]


def operators_of(model):
    return [node.op_type for node in model.graph.node]


class Net(GraphBuilder):
    """A graph of layers whose weights a test decides: ``dead`` outputs, and ``unread`` inputs."""

    def __init__(self, shape=MAP):
        super().__init__(0)
        self.shape = shape
        self.shapes["x"] = shape
        self.x = "x"

    def layer(self, outputs, kernel=1, pad=0, dead=(), unread=(), bias=None, group=1):
        n, c, h, w = self.shapes[self.x]
        weights = self.draw.normal(size=(outputs, c // group, kernel, kernel))
        weights[list(dead)] = 0
        weights[:, list(unread)] = 0
        inputs = [self.x, self.constant(weights)]
        if bias is not None:
            inputs.append(self.constant(np.broadcast_to(bias, outputs)))
        size = [s + 2 * pad - kernel + 1 for s in (h, w)]
        options = {"pads": [pad] * 4, "kernel_shape": [kernel] * 2, "group": group}
        self.x = self.node("Conv", inputs, (n, outputs, *size), **options)
        return self

    def apply(self, name, *args):
        self.x = getattr(self, name)(self.x, *args)
        return self

    def then(self, op, *constants, shape=None, **attributes):
        inputs = [self.x, *map(self.constant, constants)]
        self.x = self.node(op, inputs, shape or self.shapes[self.x], **attributes)
        return self

    def check(self):
        return check(to_model(self, self.x, self.shape), self.shape)


def test_an_output_channel_of_zeros_goes_from_both_convolutions():
    model = Net().layer(4, dead=[1, 3]).then("Relu").layer(5, 3, 1).check()
    assert shapes_of(model) == [(2, 3, 1, 1), (5, 2, 3, 3)]


def test_an_input_channel_that_nobody_reads_goes_from_both_convolutions():
    model = Net().layer(4, bias=0.5).then("Relu").layer(5, 3, 1, unread=[0]).check()
    assert shapes_of(model) == [(3, 3, 1, 1), (5, 3, 3, 3)]


@pytest.mark.parametrize("bias", [0.7, -0.7, 0.0])
def test_a_constant_becomes_a_bias(bias):
    model = Net().layer(4, dead=[2], bias=bias).then("Relu").layer(5).check()
    assert shapes_of(model) == [(3, 3, 1, 1), (5, 3, 1, 1)]
    assert len(model.graph.node[-1].input) == (3 if bias > 0 else 2)


def test_a_constant_behind_padding_is_a_map_and_stays():
    net = Net().layer(4, dead=[2], bias=0.7).then("Relu").layer(5, 3, pad=1)
    assert net.check() is None


@pytest.mark.parametrize("pad", [1, 2])
def test_constants_behind_padding_become_one_of_them(pad):
    bias = np.array([0.3, 0.7, 0.2, 0.1, 0.9, -0.5])
    net = Net().layer(6, dead=[1, 2, 4, 5], bias=bias).then("Relu").layer(5, 3, pad=pad, bias=0.1)
    assert shapes_of(net.check()) == [(3, 3, 1, 1), (5, 3, 3, 3)]


def test_a_constant_that_a_function_makes_zero_goes_behind_padding():
    model = Net().layer(4, dead=[2], bias=-0.7).then("Relu").layer(5, 3, pad=1).check()
    assert shapes_of(model) == [(3, 3, 1, 1), (5, 3, 3, 3)]


def test_a_sigmoid_of_zero_is_not_zero():
    net = Net().layer(4, dead=[2], bias=0.0).then("Sigmoid").layer(5, 3, pad=1)
    assert net.check() is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("batch_norm", ()),
        ("clip", ()),
        ("instance_norm", ()),
        ("depthwise", ()),
        ("concat", ()),
        ("split", ()),
        ("gate", ()),
        ("resize", ()),
    ],
)
def test_an_unread_channel_goes_through(name, arguments):
    """Channels that nobody reads behind the operator go before it."""
    sizes = []
    for seed in range(12):
        net = Net()
        net.draw = np.random.default_rng(seed)
        net.layer(6).apply(name, *arguments)
        count = net.shapes[net.x][1]
        net.layer(2, unread=[i for i in range(count) if i % (count // 2) == 1])
        model = net.check()
        sizes.append(6 if model is None else shapes_of(model)[0][0])
    assert min(sizes) < 6


def test_channels_of_a_grouped_convolution_go_from_the_same_places_of_all_groups():
    net = Net().layer(6, dead=[1, 4]).then("Relu").layer(4, group=2, dead=[0, 2]).then("Relu")
    model = net.layer(3).check()
    assert shapes_of(model) == [(4, 3, 1, 1), (2, 2, 1, 1), (3, 2, 1, 1)]
    (group,) = [
        helper.get_attribute_value(a) for a in model.graph.node[2].attribute if a.name == "group"
    ]
    assert group == 2


def test_channels_of_a_transposed_convolution_go():
    net = Net().layer(6, unread=[0])
    weights = net.draw.normal(size=(6, 4, 2, 2))
    weights[1], weights[:, 2] = 0, 0
    net.then("ConvTranspose", weights, np.zeros(4), shape=(2, 4, 12, 12), strides=[2, 2])
    assert shapes_of(net.layer(3).check()) == [(5, 3, 1, 1), (5, 3, 2, 2), (3, 3, 1, 1)]


def test_whole_groups_go():
    net = Net().layer(6).layer(6, group=3, dead=[2, 3]).then("Relu").layer(3)
    model = net.check()
    assert shapes_of(model) == [(4, 3, 1, 1), (4, 2, 1, 1), (3, 4, 1, 1)]


def test_a_residual_sum_goes_only_where_both_operands_are_dead():
    net = Net().layer(4, dead=[0, 1])
    first = net.x
    net.layer(4, dead=[1, 2])
    net.x = net.node("Add", [net.x, first], net.shapes[first])
    assert shapes_of(net.layer(3).check()) == [(3, 3, 1, 1), (3, 3, 1, 1), (3, 3, 1, 1)]


@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_a_dead_branch_goes(bias):
    net = Net().layer(4)
    first = net.x
    net.layer(7, 3, 1).then("Relu").layer(4, 3, 1, dead=range(4), bias=bias)
    net.x = net.node("Add", [first, net.x], net.shapes[first])
    model = net.layer(3).check()
    assert operators_of(model) == (["Conv", "Add", "Conv"] if bias else ["Conv", "Conv"])


def test_features_go_with_their_channel_through_flatten():
    net = (
        Net()
        .layer(4, dead=[0], bias=0.3)
        .then("MaxPool", shape=(2, 4, 3, 3), kernel_shape=[2, 2], strides=[2, 2])
    )
    net.then("Flatten", shape=(2, 36)).then("MatMul", net.draw.normal(size=(36, 5)), shape=(2, 5))
    model = net.then("Relu").check()
    assert shapes_of(model) == [(3, 3, 1, 1), (27, 5)]
    assert operators_of(model)[-2:] == ["Add", "Relu"]


def test_neurons_go_and_their_constant_joins_the_bias():
    net = Net((2, 5, 6))
    first, second = net.draw.normal(size=(6, 8)), net.draw.normal(size=(8, 6))
    first[:, ::2] = 0
    net.then("MatMul", first, shape=(2, 5, 8)).then("Add", net.draw.normal(size=8)).then("Gelu")
    net.then("MatMul", second, shape=(2, 5, 6)).then("Add", net.draw.normal(size=6))
    model = net.check()
    assert shapes_of(model) == [(6, 4), (4, 6)]
    assert operators_of(model) == ["MatMul", "Add", "Gelu", "MatMul", "Add"]


def test_whole_heads_go():
    sizes = set()
    for seed in range(20):
        net = Net((2, 5, 6))
        net.draw = np.random.default_rng(seed)
        model = net.apply("attend").check()
        sizes |= set(shapes_of(model or to_model(net, net.x, net.shape)))
    assert {(6, 2), (6, 4), (6, 6), (2, 6), (4, 6)} <= sizes


def test_the_features_of_a_layer_norm_stay():
    net = Net((2, 5, 6))
    weights = net.draw.normal(size=(6, 8))
    weights[:, 3] = 0
    net.then("MatMul", weights, shape=(2, 5, 8))
    net.then("LayerNormalization", np.ones(8), np.zeros(8), axis=-1)
    assert net.then("MatMul", net.draw.normal(size=(8, 4)), shape=(2, 5, 4)).check() is None


def test_a_node_without_a_rule_keeps_its_channels():
    net = Net().layer(4, dead=[1], bias=0.0)
    net.then("LpNormalization", axis=2)
    assert net.layer(3).check() is None


def test_a_branch_of_an_if_keeps_the_channels_that_it_reads():
    net = Net().layer(4, dead=[1])
    value = helper.make_tensor_value_info
    graphs = [
        helper.make_graph(
            [helper.make_node(op, [net.x], [f"{op}_out"])],
            op,
            [],
            [value(f"{op}_out", TensorProto.FLOAT, None)],
        )
        for op in ("Neg", "Identity")
    ]
    condition = numpy_helper.from_array(np.array(True), "condition")
    net.initializers.append(condition)
    net.x = net.node(
        "If", ["condition"], net.shapes[net.x], then_branch=graphs[0], else_branch=graphs[1]
    )
    assert net.layer(3).check() is None


def test_outputs_of_the_model_stay_even_if_they_are_constant():
    model = Net().layer(4, dead=[1]).check()
    assert model is None


@pytest.mark.parametrize("bias", [None, 0.3])
def test_one_channel_of_a_dead_layer_stays(bias):
    net = Net().layer(4, dead=range(4), bias=bias).then("Relu").layer(3, 3, 1)
    assert shapes_of(net.check()) == [(1, 3, 1, 1), (3, 1, 3, 3)]


def test_equal_biases_stay_one_initializer():
    net = Net().layer(4, dead=[0])
    shared = net.constant(np.zeros(4))
    for _ in range(2):
        net.x = net.node(
            "Conv",
            [net.x, net.constant(net.draw.normal(size=(4, 4, 1, 1))), shared],
            net.shapes[net.x],
        )
    model = net.layer(3).check()
    assert shapes_of(model)[:3] == [(3, 3, 1, 1), (4, 3, 1, 1), (4, 4, 1, 1)]
    assert [tuple(t.dims) for t in model.graph.initializer if len(t.dims) == 1] == [(4,)]


@pytest.mark.parametrize("start", range(0, 80, 20))
def test_random_graphs_compute_the_same(start):
    changed = sum(
        check(model, [d.dim_value or 2 for d in model.graph.input[0].type.tensor_type.shape.dim])
        is not None
        for model in map(draw_model, range(start, start + 20))
    )
    assert changed >= 8


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 5000, 100))
def test_many_random_graphs_compute_the_same(start):
    for seed in range(start, start + 100):
        model = draw_model(seed)
        check(model, [d.dim_value or 2 for d in model.graph.input[0].type.tensor_type.shape.dim])


@pytest.mark.parametrize("shape", [["n", "m"], ["n", None], [], [0, 4], [0]])
@pytest.mark.parametrize("operator", ["Relu", "Sigmoid", "Identity", "Dropout"])
def test_a_tensor_without_channels(operator, shape):
    """Its axes are dynamic or empty, or it has none."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"])],
        "g",
        [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    assert compact(model) is None


@pytest.mark.parametrize("operator", ["Relu", "GlobalAveragePool", "Reshape"])
@pytest.mark.parametrize("is_output", [False, True])
def test_a_transposition_before_a_reshape(operator, is_output):
    """Its input comes from another operator; between two of them, the three become one."""

    def reshape(*shape):
        net.x = net.node("Reshape", [net.x, net.constant((-1, *shape[1:]), np.int64)], shape)

    net = Net().layer(4, dead=[1])
    if operator == "Reshape":
        reshape(8, 6, 6)
        net.then("Transpose", perm=[0, 2, 1])
        reshape(2, 4, 6, 6)
    else:
        size = 6 if operator == "Relu" else 1
        net.then(operator, shape=(2, 4, size, size)).then("Transpose", perm=[0, 1, 3, 2])
        reshape(2, 4, size, size)
    if not is_output:
        net.then("Relu").layer(2)
    net.check()


def test_a_graph_whose_shapes_cannot_be_inferred(caplog):
    """onnx infers nothing after an operator that it refuses, and nobody sees its traceback."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("ConcatFromSequence", ["x"], ["all"], axis=0),
            helper.make_node("Relu", ["all"], ["y"]),
        ],
        "g",
        [value("x", TensorProto.FLOAT, [2, 3])],
        [value("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    assert compact(model) is None
    assert caplog.records == []
