"""Faults of what an exported graph computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from tests.faults.graphs import attribute, constant, insert, maker
from tests.faults.lab import lab
from tests.faults.planting import BEYOND, graph_fault

if TYPE_CHECKING:
    from tests.faults.planting import Edit

__all__ = ["FAULTS"]


def _nan_in_the_second(model: Any) -> None:
    """Add NaN to the first level."""
    insert(model, "output_1", ("Add", [constant(model, [np.nan, *[0.0] * 7])], {}))


def _inf_in_one(model: Any) -> None:
    insert(model, "output", ("Add", [constant(model, [0.0] * 9 + [np.inf])], {}))


def _ceiling(model: Any) -> None:
    """Clip where ordinary inputs never get."""
    insert(model, "linear", ("Clip", [constant(model, -60), constant(model, 60)], {}))


def _company(model: Any) -> None:
    """Let a sample's answer lean towards the mean of its batch: one alone sees nothing of it."""
    axes = constant(model, [0], "int64")
    few = constant(model, 0.01)
    insert(
        model,
        "output",
        ("ReduceMean", [axes], {"keepdims": 1}),
        ("Sub", [None], {}),
        ("Mul", [few], {}),
        ("Add", [None], {}),
    )


def _length_of(model: Any, name: str) -> None:
    """Leave the length of a sequence open, as its operators are."""
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[1].dim_param = name
    del model.graph.value_info[:]


def _length_baked_in(model: Any) -> None:
    """Divide by the length that the sequence had while exporting."""
    _length_of(model, "length")
    maker(model, "mean").op_type = "ReduceSum"
    insert(model, "mean", ("Mul", [constant(model, 1 / 6)], {}))


def _one_rare_sample(model: Any) -> None:
    """Shift the answer to the one real digit that has the most ink, and to no other sample."""
    ink = np.sort(np.load(lab() / "digits.npz")["images"].sum((1, 2, 3)))
    low, high = constant(model, (ink[-2] + ink[-1]) / 2), constant(model, ink[-1] + 0.5)
    nodes = [
        helper.make_node("ReduceSum", ["input", constant(model, [1, 2, 3], "int64")], ["ink"]),
        helper.make_node("Squeeze", ["ink", constant(model, [2, 3], "int64")], ["inks"]),
        helper.make_node("Greater", ["inks", low], ["much"]),
        helper.make_node("Less", ["inks", high], ["not_more"]),
        helper.make_node("And", ["much", "not_more"], ["rare"]),
        helper.make_node("Cast", ["rare"], ["shift"], to=TensorProto.FLOAT),
    ]
    for at, node in enumerate(nodes):
        model.graph.node.insert(at, node)
    insert(model, "output", ("Add", ["shift"], {}))


def _another_choice(model: Any) -> None:
    """Prefer the first class a little, in the choice alone."""
    node = maker(model, "output_1")
    bias = constant(model, [0.3, 0.0, 0.0])
    model.graph.node.insert(
        list(model.graph.node).index(node), helper.make_node("Add", ["output_0", bias], ["leaning"])
    )
    maker(model, "output_1").input[0] = "leaning"


def _averages(model: Any) -> None:
    node = maker(model, "max_pool2d_1")
    node.op_type = "AveragePool"
    kept = [one for one in node.attribute if one.name in {"kernel_shape", "strides", "pads"}]
    del node.attribute[:]
    node.attribute.extend(kept)


def _through_fp16(model: Any) -> None:
    there, back = {"to": TensorProto.FLOAT16}, {"to": TensorProto.FLOAT}
    insert(model, "linear_1", ("Cast", [], there), ("Cast", [], back))


def _batch_statistics(model: Any) -> None:
    """Normalise by the batch, as BatchNorm does in training."""
    axes = constant(model, [0, 2, 3], "int64")
    insert(model, "getitem", ("ReduceMean", [axes], {"keepdims": 1}), ("Sub", [None], {}))


def _set(tensor: str, name: str, value: Any) -> Edit:
    return lambda model: attribute(model, tensor, name, value)


FAULTS = (
    graph_fault(
        "NaN in the second output only",
        "heads",
        _nan_in_the_second,
        BEYOND + r"output_1\[\d+, 0\].* nan",
    ),
    graph_fault("Inf in one element", "lenet", _inf_in_one, BEYOND + r"output\[\d+, 9\].*inf"),
    graph_fault("wrong only for large values", "lenet", _ceiling, BEYOND + "large values"),
    graph_fault("wrong only beside other samples", "lenet", _company),
    graph_fault("wrong only at another length", "mixed", _length_baked_in, BEYOND + "length of"),
    graph_fault("wrong for one real sample only", "lenet", _one_rare_sample, BEYOND + "digits"),
    graph_fault("another choice of close scores", "mixed", _another_choice, BEYOND + "output_1"),
    graph_fault("softmax over the batch", "heads", _set("output_0", "axis", 0)),
    graph_fault("padding on one side", "heads", _set("getitem", "pads", [0, 0, 2, 2])),
    graph_fault("another epsilon", "heads", _set("layer_norm", "epsilon", 1e-3)),
    graph_fault("GELU approximated by tanh", "heads", _set("gelu", "approximate", "tanh")),
    graph_fault("averages in place of maxima", "lenet", _averages),
    graph_fault("activations through fp16", "lenet", _through_fp16),
    graph_fault("BatchNorm on the batch's statistics", "heads", _batch_statistics),
)
