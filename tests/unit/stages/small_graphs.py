"""ONNX models of a few nodes, with weights that are drawn, for tests that change one of them."""

from itertools import pairwise

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 20)]


def tensor(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, **constants):
    held = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    graph = helper.make_graph(nodes, "small", inputs, outputs, held)
    made = helper.make_model(graph, opset_imports=OPSET, ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def node(op, inputs, output, **attributes):
    """Return a node named after its output; ``inputs`` and ``output`` as words."""
    outputs = output.split()
    return helper.make_node(op, inputs.split(), outputs, name=f"n_{outputs[0]}", **attributes)


def weights(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def residual():
    """Two branches and a residual connection around each of two blocks."""
    nodes = [
        node("Conv", "x stem.weight stem.bias", "stem", pads=[1, 1, 1, 1]),
        node("Relu", "stem", "first"),
        node("Conv", "first left.weight left.bias", "left", pads=[1, 1, 1, 1]),
        node("Conv", "first right.weight", "right", pads=[0, 0, 0, 0]),
        node("Relu", "left", "left_relu"),
        node("Sigmoid", "right", "right_gate"),
        node("Mul", "left_relu right_gate", "gated"),
        node("Add", "gated first", "second"),
        node("Conv", "second down.weight down.bias", "down", pads=[1, 1, 1, 1]),
        node("Add", "down second", "third"),
        node("ReduceMean", "third axes", "pooled", keepdims=0),
        node("Gemm", "pooled fc.weight fc.bias", "logits", transB=1),
    ]
    convs = {f"{name}.weight": weights(4, 4, 3, 3, seed=i) / 4 for i, name in enumerate(CONVS)}
    biases = {f"{name}.bias": weights(4, seed=9 + i) for i, name in enumerate(CONVS)}
    return model(
        nodes,
        [tensor("x", "batch", 4, 6, 6)],
        [tensor("logits", "batch", 3)],
        **convs | biases | {"right.weight": weights(4, 4, 1, 1, seed=5)},
        **{"fc.weight": weights(3, 4, seed=6), "fc.bias": weights(3, seed=7)},
        axes=np.array([2, 3]),
    )


CONVS = ("stem", "left", "down")


def several():
    """Three inputs of three dtypes, three outputs of two."""
    nodes = [
        node("Gather", "table ids", "rows"),
        node("Where", "mask rows zero", "kept"),
        node("Add", "kept scale", "sum"),
        node("ArgMax", "sum", "best", axis=1, keepdims=0),
        node("Exp", "scale", "power"),
    ]
    return model(
        nodes,
        [
            tensor("ids", "batch", kind=TensorProto.INT64),
            tensor("mask", "batch", 1, kind=TensorProto.BOOL),
            tensor("scale", "batch", 5),
        ],
        [
            tensor("sum", "batch", 5),
            tensor("best", "batch", kind=TensorProto.INT64),
            tensor("power", "batch", 5),
        ],
        table=weights(50, 5),
        zero=np.zeros((), np.float32),
    )


def branching():
    """An If whose branches read a tensor from outside."""
    inner = [
        helper.make_graph([node(op, "hidden slope", name)], name, [], [tensor(name, "batch", 4)])
        for op, name in (("PRelu", "taken"), ("Mul", "other"))
    ]
    nodes = [
        node("Relu", "x", "hidden"),
        node("ReduceMax", "hidden", "top", keepdims=0),
        node("Greater", "top zero", "positive"),
        node("If", "positive", "chosen", then_branch=inner[0], else_branch=inner[1]),
        node("Tanh", "chosen", "y"),
    ]
    return model(
        nodes,
        [tensor("x", "batch", 4)],
        [tensor("y", "batch", 4)],
        slope=weights(4),
        zero=np.zeros((), np.float32),
    )


def chain(steps, length):
    """``length`` times Add of the same constant, or whatever each of ``steps`` says."""
    names = ["x", *(f"t{i}" for i in range(length))]
    nodes = [node("Add", f"{a} c{i}", b) for i, (a, b) in enumerate(pairwise(names))]
    held = {f"c{i}": np.full(3, steps[i], np.float32) for i in range(length)}
    return model(nodes, [tensor("x", "batch", 3)], [tensor(names[-1], "batch", 3)], **held)


def set_constant(made, name, change):
    """Replace an initializer by what ``change`` makes of its array."""
    (held,) = (one for one in made.graph.initializer if one.name == name)
    array = np.ascontiguousarray(change(numpy_helper.to_array(held)))
    held.CopyFrom(numpy_helper.from_array(array, name))


def renamed(made):
    """Give every node, tensor and weight another name; inputs and outputs keep theirs."""
    kept = {one.name for one in (*made.graph.input, *made.graph.output)} | {""}
    for one in made.graph.node:
        one.name = f"other_{one.name}"
        one.input[:] = [name if name in kept else f"v_{name}" for name in one.input]
        one.output[:] = [name if name in kept else f"v_{name}" for name in one.output]
    for one in made.graph.initializer:
        one.name = f"v_{one.name}"
    del made.graph.value_info[:]
    return made
