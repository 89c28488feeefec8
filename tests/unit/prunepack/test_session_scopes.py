"""Names of weights are scoped, unused or repeated: a session computes what onnxruntime does."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

import prunepack

CPU = ["CPUExecutionProvider"]
RANDOM = np.random.default_rng(0)
FEEDS = {
    "x": np.random.default_rng(1).standard_normal((3, 64)).astype(np.float32),
    "c": np.array(True),
    "i": np.array([1, 5, 7]),
}
VALUES = {
    "x": helper.make_tensor_value_info("x", 1, [3, 64]),
    "c": helper.make_tensor_value_info("c", 9, []),
    "i": helper.make_tensor_value_info("i", 7, [3]),
}
node = helper.make_node
value = helper.make_tensor_value_info


def weight(name="w"):
    return numpy_helper.from_array(RANDOM.standard_normal((64, 96)).astype(np.float32), name)


def graph(nodes, weights=("w",), output="y", inputs=(), extra=()):
    tensors = [*map(weight, weights), *extra]
    return helper.make_graph(nodes, output, list(inputs), [value(output, 1, [3, 96])], tensors)


def matmul(output, table="w"):
    return node("MatMul", ["x", table], [output])


def gather(output, table="w"):
    return node("Gather", [table, "i"], [output])


def branches(output, inner):
    """Return an ``If`` whose branches have ``inner(name of the output)`` as their graphs."""
    then_branch, else_branch = inner(f"{output}1"), inner(f"{output}2")
    return node("If", ["c"], [output], then_branch=then_branch, else_branch=else_branch)


def add(left, right):
    return node("Add", [left, right], ["y"])


def model(nodes, weights=("w",), *, feeds="x", functions=(), extra=(), repeated=(), ir_version=8):
    """Return a model; the inputs of the graph are ``feeds`` and the ``repeated`` weights."""
    inputs = [VALUES[name] for name in feeds]
    inputs += [value(name, 1, [64, 96]) for name in repeated]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    main = graph(nodes, weights, inputs=inputs, extra=extra)
    return helper.make_model(
        main, opset_imports=opsets, ir_version=ir_version, functions=list(functions)
    )


def own_weight(operator):
    return lambda output: graph([operator(output)], output=output)


def twice(output):
    return graph([branches(output, own_weight(matmul))], (), output=output)


def loop():
    body = helper.make_graph(
        [matmul("m"), node("Add", ["s", "m"], ["s2"]), node("Identity", ["go"], ["go2"])],
        "body",
        [value("at", 7, []), value("go", 9, []), value("s", 1, [3, 96])],
        [value("go2", 9, []), value("s2", 1, [3, 96])],
        [weight()],
    )
    return node("Loop", ["n", "", "a"], ["y"], body=body)


def scan():
    body = helper.make_graph(
        [node("MatMul", ["row", "w"], ["m"]), node("Add", ["s", "m"], ["s2"]),
         node("Identity", ["s2"], ["o"])],
        "body",
        [value("s", 1, [96]), value("row", 1, [64])],
        [value("s2", 1, [96]), value("o", 1, [96])],
        [weight()],
    )  # fmt: skip
    return node("Scan", ["zero", "x"], ["last", "b"], body=body, num_scan_inputs=1)


def function(nodes):
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_function("my", "F", ["x", "c"], ["q"], nodes, opsets)


CALL = node("F", ["x", "c"], ["b"], domain="my")
CONSTANT = node("Constant", [], ["w"], value=weight())
COUNT = numpy_helper.from_array(np.array(3), "n")
ZERO = numpy_helper.from_array(np.zeros(96, np.float32), "zero")

MODELS = {
    "if": model([matmul("a"), branches("b", own_weight(matmul)), add("a", "b")], feeds="xc"),
    "all inside": model([branches("y", own_weight(matmul))], feeds="xc"),
    "nested twice": model([matmul("a"), branches("b", twice), add("a", "b")], feeds="xc"),
    "loop": model([matmul("a"), loop()], extra=[COUNT]),
    "scan": model([matmul("a"), scan(), add("a", "b")], extra=[ZERO]),
    "gather": model([gather("a"), branches("b", own_weight(gather)), add("a", "b")], feeds="ic"),
    "function": model(
        [matmul("a"), CALL, add("a", "b")],
        feeds="xc",
        functions=[function([CONSTANT, matmul("q")])],
    ),
    "if in a function": model(
        [matmul("a"), CALL, add("a", "b")],
        feeds="xc",
        functions=[function([branches("q", own_weight(matmul))])],
    ),
    "repeated": model([matmul("y")], ["w", "w"]),
    "three times": model([matmul("y")], ["w", "w", "w"]),
    "repeated table": model([gather("y")], ["w", "w"], feeds="i"),
    "unused": model([matmul("y")], ["w", "unused"]),
    "unused input": model([matmul("y")], ["w", "unused"], repeated=["unused"]),
    "unused input of IR 3": model(
        [matmul("y")], ["w", "unused"], repeated=["w", "unused"], ir_version=3
    ),
    "name in a function only": model(
        [matmul("a"), CALL, add("a", "b")],
        ["w", "v"],
        feeds="xc",
        functions=[function([CONSTANT, node("Identity", ["w"], ["v"]), matmul("q", "v")])],
    ),
    "dead node": model([matmul("y"), matmul("dead", "unused")], ["w", "unused"]),
}


@pytest.mark.parametrize("external", [False, True], ids=["inside", "external"])
@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_the_model_bit_for_bit(name, external, tmp_path):
    path, artifact = tmp_path / "m.onnx", tmp_path / "m.prunepack"
    copy = onnx.ModelProto.FromString(MODELS[name].SerializeToString())
    onnx.save_model(copy, path, save_as_external_data=external, location="w.bin", size_threshold=0)
    prunepack.pack(path, artifact)
    for start in ("optimised", "instant"):
        plain, options = onnxruntime.SessionOptions(), onnxruntime.SessionOptions()
        plain.log_severity_level = options.log_severity_level = 4
        if start == "instant":
            level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            plain.graph_optimization_level = level
            plain.add_session_config_entry("session.disable_prepacking", "1")
        expected = onnxruntime.InferenceSession(path, plain, providers=CPU)
        session = prunepack.open_session(
            artifact, providers=CPU, session_options=options, start=start
        )
        names = [entry.name for entry in expected.get_inputs()]
        feeds = {name: FEEDS[name] for name in names}
        for left, right in zip(expected.run(None, feeds), session.run(None, feeds), strict=True):
            assert left.tobytes() == right.tobytes(), start
        assert names == [entry.name for entry in session.get_inputs()]


@pytest.mark.parametrize("start", ["optimised", "instant"])
def test_a_weight_that_is_an_input_too_can_be_fed(start, tmp_path):
    onnx.save_model(model([matmul("y")], repeated=["w"]), tmp_path / "m.onnx")
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack")
    feeds = {"x": FEEDS["x"], "w": RANDOM.standard_normal((64, 96)).astype(np.float32)}
    expected = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=CPU).run(None, feeds)
    session = prunepack.open_session(tmp_path / "m.prunepack", providers=CPU, start=start)
    np.testing.assert_allclose(session.run(None, feeds)[0], expected[0], rtol=1e-5, atol=1e-5)
