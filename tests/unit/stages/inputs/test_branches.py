"""Branches of If nodes that inputs take, and those that none takes."""

import numpy as np
import onnx
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.inputs.branches import BranchObserver

INPUTS = (InputSpec(name="x", shape=(2,)),)
IF = (
    "y = If(c) <then_branch = t () => (float[n, 2] a) {{ {then} }}, "
    "else_branch = e () => (float[n, 2] b) {{ b = Identity(x) }}>"
)


@pytest.fixture
def observer(tmp_path):
    def open_observer(condition, then="a = Neg(x)"):
        text = (
            f'<ir_version: 9, opset_import: ["" : 18]> g (float[n, 2] x) => (float[n, 2] y) '
            f"{{ l = Constant<value_float: float = 5.0>() {condition} {IF.format(then=then)} }}"
        )
        onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
        return BranchObserver(tmp_path / "model.onnx", INPUTS, ["CPUExecutionProvider"])

    return open_observer


LARGEST = "m = ReduceMax<keepdims: int = 0>(x) c = Greater(m, l)"


@pytest.mark.parametrize(
    ("values", "untaken"),
    [
        ([1], "y (then)"),
        ([9], "y (else)"),
        ([1, 9], ""),
        ([], "y (then), y (else)"),
    ],
)
def test_branches_that_no_input_takes_are_told(observer, values, untaken):
    branches = observer(LARGEST)
    for value in values:
        branches.add({"x": np.full((3, 2), value, np.float32)})
    with collect_remarks() as remarks:
        metric = branches.metrics()["parity.inputs.untaken_branches"]
    assert metric.note == untaken
    assert metric.value == len(untaken.split(", ")) * bool(untaken)
    told = f"no input took these branches, so they were not compared: {untaken}"
    assert remarks == ([told] if untaken else [])


def test_a_constant_condition_has_no_other_branch(observer):
    branches = observer("c = Constant<value: tensor = bool {1}>()")
    branches.add({"x": np.zeros((1, 2), np.float32)})
    assert branches.metrics()["parity.inputs.untaken_branches"].value == 0


def test_nodes_inside_a_branch_are_not_observed(observer):
    inner = (
        IF.format(then="a = Neg(x)")
        .replace("y =", "a =")
        .replace("(float[n, 2] a)", "(float[n, 2] d)")
    )
    branches = observer(
        LARGEST, inner.replace("a = Neg", "d = Neg").replace(" b)", " f)").replace("b =", "f =")
    )
    for value in (1, 9):
        branches.add({"x": np.full((3, 2), value, np.float32)})
    metric = branches.metrics()["parity.inputs.untaken_branches"]
    assert metric.note == "1 If nodes inside subgraphs, which are not observed"


def test_inputs_that_the_file_cannot_take_are_left_to_the_comparison(observer):
    branches = observer(LARGEST)
    branches.add({"x": np.zeros((1, 3), np.float32)})
    assert branches.metrics()["parity.inputs.untaken_branches"].value == 2
