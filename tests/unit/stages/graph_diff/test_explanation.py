"""Honest rewritings of an exported graph are explained, and each change of it is named."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from prunepack.stages.graph_diff.explanation import LEVELS, explain_graph
from prunepack.stages.graph_diff.optimization import optimize_file
from tests.faults.graphs import attribute, change, constant, insert, maker

TEXT = """
<ir_version: 9, opset_import: ["" : 20]>
model (float[N, 6] x, float[N, 6] y, bool c) => (float[N, 4] first, float[N, 4] second) {
    h = Gemm <transB = 1> (x, w, b)
    r = Relu (h)
    s = Softmax <axis = 1> (r)
    g = MatMul (y, v)
    d = Sub (r, g)
    first = If (c) <
        then_branch = t () => (float[N, 4] a) { a = Mul (d, s) },
        else_branch = e () => (float[N, 4] a) {
            one = Constant <value = float {1.0}> ()
            a = Add (d, one)
        }
    >
    second = Clip (g, low)
}
"""


@pytest.fixture
def fresh(tmp_path):
    rng = np.random.default_rng(0)
    model = parser.parse_model(TEXT)
    arrays = {
        "w": rng.normal(size=(4, 6)),
        "b": rng.normal(size=4),
        "v": rng.normal(size=(6, 4)),
        "low": np.array(-3.0),
    }
    for name, array in arrays.items():
        model.graph.initializer.append(numpy_helper.from_array(array.astype("f"), name))
    (tmp_path / "fresh").mkdir()
    onnx.save(model, tmp_path / "fresh/model.onnx")
    return tmp_path / "fresh/model.onnx"


@pytest.fixture
def explained(fresh, tmp_path):
    """Explains the fresh file after ``edit`` changed it."""

    def explained(edit, **how):
        model = onnx.load(fresh)
        edit(model)
        onnx.save(model, tmp_path / "model.onnx", **how)
        return explain_graph(fresh, tmp_path / "model.onnx")

    return explained


def rename(model):
    names = {t.name: f"onnx::{i}" for i, t in enumerate(model.graph.initializer)}
    names |= {
        o: f"value_{o}" for n in model.graph.node for o in n.output if o not in {"first", "second"}
    }
    for tensor in model.graph.initializer:
        tensor.name = names[tensor.name]
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for graph in (one.g for one in node.attribute if one.HasField("g")):
            for inner in graph.node:
                inner.input[:] = [names.get(name, name) for name in inner.input]


def use_constant_nodes(model):
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in model.graph.initializer]
    nodes += model.graph.node
    for field in (model.graph.node, model.graph.initializer):
        del field[:]
    model.graph.node.extend(nodes)


def use_float_attribute(model):
    low = next(t for t in model.graph.initializer if t.name == "low")
    model.graph.initializer.remove(low)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["low"], value_float=-3.0))


def state_defaults(model):
    for tensor, name, value in (("h", "alpha", 1.0), ("h", "transA", 0), ("s", "axis", -1)):
        if name != "axis":
            attribute(model, tensor, name, value)


def add_dead_nodes(model):
    model.graph.node.append(helper.make_node("Neg", ["r"], ["unread"]))
    constant(model, [1, 2, 3])


def reorder(model):
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([nodes[3], *nodes[:3], nodes[4], nodes[6], nodes[5]])


def share_twice(model):
    twin = helper.make_node("Relu", ["h"], ["r2"])
    model.graph.node.insert(2, twin)
    maker(model, "s").input[0] = "r2"


def round_last_bit(model):
    change(model, "w", lambda array: np.nextafter(array, np.float32(9)))


def describe(model):
    model.doc_string = model.graph.name = "another"
    for node in model.graph.node:
        node.doc_string = "a node"


def go_around(model):
    insert(model, "r", ("Identity", [], {}), ("Identity", [], {}))


HONEST = (rename, use_constant_nodes, use_float_attribute, state_defaults, add_dead_nodes, reorder)
HONEST += (share_twice, round_last_bit, describe, go_around)


@pytest.mark.parametrize("edit", HONEST, ids=lambda edit: edit.__name__)
def test_the_same_computation_is_explained(edit, explained):
    assert explained(edit).unexplained == ()


def test_external_data_is_explained(explained):
    how = {"save_as_external_data": True, "location": "model.data", "size_threshold": 1}
    assert explained(lambda _: None, **how).unexplained == ()


@pytest.mark.parametrize("level", LEVELS)
def test_a_file_that_onnxruntime_optimized_is_explained(level, fresh, tmp_path):
    made = optimize_file(fresh, level, tmp_path / "optimized.onnx")
    assert made is not None
    assert explain_graph(fresh, made).unexplained == ()


def test_a_changed_file_that_onnxruntime_optimized_is_not(fresh, tmp_path):
    model = onnx.load(fresh)
    change(model, "v", lambda array: array + np.float32(1e-3))
    onnx.save(model, tmp_path / "model.onnx")
    made = optimize_file(tmp_path / "model.onnx", LEVELS[-1], tmp_path / "optimized.onnx")
    assert explain_graph(fresh, made).unexplained


@pytest.mark.parametrize("level", LEVELS)
def test_external_data_is_optimized_too(level, fresh, explained, tmp_path):
    how = {"save_as_external_data": True, "location": "model.data", "size_threshold": 1}
    assert explained(lambda m: change(m, "v", np.negative), **how).unexplained
    explained(lambda _: None, **how)
    (tmp_path / "other").mkdir()
    made = optimize_file(tmp_path / "model.onnx", level, tmp_path / "other/model.onnx")
    assert explain_graph(fresh, made).unexplained == ()


def test_what_onnxruntime_cannot_open_is_not_optimized(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    assert optimize_file(tmp_path / "model.onnx", LEVELS[0], tmp_path / "made.onnx") is None


def scatter(model):
    at = constant(model, [[0]], "int64")
    insert_before_reader(model, "v", "ScatterND", [at, constant(model, [[0, 0, 0, 0]])])


def insert_before_reader(model, name, operator, others):
    reader = next(node for node in model.graph.node if name in node.input)
    index = list(model.graph.node).index(reader)
    model.graph.node.insert(index, helper.make_node(operator, [name, *others], [f"{name}_new"]))
    reader.input[:] = [f"{name}_new" if one == name else one for one in reader.input]


def in_branch(edit):
    def change_branch(model):
        for one in maker(model, "first").attribute:
            edit(one.name, one.g)

    return change_branch


def _swap_operands(name, graph):
    if name == "then_branch":
        graph.node[0].op_type = "Add"


def _another_one(name, graph):
    if name == "else_branch":
        graph.node[0].attribute[0].t.CopyFrom(numpy_helper.from_array(np.float32(1.01)))


def _read_another(name, graph):
    if name == "then_branch":
        graph.node[0].input[0] = "r"


def to_double(model):
    insert(model, "s", ("Cast", [], {"to": TensorProto.FLOAT16}), ("Cast", [], {"to": 1}))


CHANGES = {
    "a clip that no sample reaches": (
        lambda m: insert(m, "r", ("Min", [constant(m, 1e6)], {})),
        "(Min)",
    ),
    "another bound": (
        lambda m: change(m, "low", lambda _: np.array(-3.1, "f")),
        "second (Clip): low is",
    ),
    "a bound more": (lambda m: maker(m, "second").input.append(constant(m, 1e30)), "(Clip)"),
    "a row of a table": (scatter, "(ScatterND)"),
    "another axis": (lambda m: attribute(m, "s", "axis", 0), "axis is 1 in A and 0 in B"),
    "another attribute": (lambda m: attribute(m, "h", "beta", 0.999), "beta is absent in A"),
    "another operator": (lambda m: setattr(maker(m, "r"), "op_type", "Elu"), "(Elu)"),
    "operands swapped": (
        lambda m: maker(m, "d").input.__setitem__(slice(None), ["g", "r"]),
        "d (Sub)",
    ),
    "inputs swapped": (lambda m: maker(m, "g").input.__setitem__(0, "x"), "g (MatMul)"),
    "a branch computes another": (in_branch(_swap_operands), "(If)"),
    "a branch has another constant": (in_branch(_another_one), "(If)"),
    "a branch reads another tensor": (in_branch(_read_another), "(If)"),
    "rounded to half": (to_double, "(Cast)"),
    "one weight": (
        lambda m: change(m, "w", lambda a: np.where(a == a.max(), a + 1e-4, a).astype("f")),
        "w differs",
    ),
    "an old opset": (lambda m: setattr(m.opset_import[0], "version", 12), "(Gemm)"),
    "a node left out": (lambda m: maker(m, "s").input.__setitem__(0, "h"), "s (Softmax)"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named(name, explained):
    edit, text = CHANGES[name]
    found = explained(edit).unexplained
    assert text in " ".join(found), found
    assert len(found) <= 2


def test_swapped_outputs_are_other_tensors(explained):
    def swap(model):
        outputs = list(model.graph.output)
        names = {"first": "second", "second": "first"}
        for node in model.graph.node:
            node.output[:] = [names.get(name, name) for name in node.output]
        assert outputs

    assert explained(swap).unexplained == ("the outputs are other tensors of the same nodes",)


def test_operators_of_another_domain_are_listed(explained):
    found = explained(lambda m: insert(m, "r", ("Gelu", [], {}), domain="com.microsoft"))
    assert found.domains == ("com.microsoft",)
    assert found.unexplained


@pytest.mark.parametrize("version", [21, 22, 23])
def test_another_opset_is_listed(version, explained):
    """Relu and Clip are the same from 14 and 13 on; another attribute makes the file differ."""

    def edit(model):
        attribute(model, "s", "axis", 0)
        model.opset_import[0].version = version

    assert explained(edit).domains == (f"opset {version}",)


def test_the_nodes_that_outputs_need_are_counted(explained):
    assert explained(add_dead_nodes).nodes == 7
