"""Bisecting two ONNX files: it names the node that was changed, or says that nothing parts."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from benchmarks.graph_faults import KINDS, plant
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.bisection.bisect import BisectConfig, bisect
from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.bisection.program import open_program
from prunepack.stages.graph_diff.graph import read_constant
from tests.unit.stages import small_graphs as small


@pytest.fixture
def compare(tmp_path):
    """Writes two models and bisects them."""

    def compare(a, b, **config):
        for made, name in ((a, "a"), (b, "b")):
            (tmp_path / f"{name}.onnx").write_bytes(made.SerializeToString())
        return of_files(tmp_path / "a.onnx", tmp_path / "b.onnx", **config)

    return compare


def of_files(a, b, **config):
    return bisect(a, b, BisectConfig(**config))


def copied(made):
    other = onnx.ModelProto()
    other.CopyFrom(made)
    return other


def inner(made):
    """Return the node in the branch that is taken."""
    branches = {one.name: one.g for one in by_name(made, "n_chosen").attribute}
    return branches["then_branch"].node[0]


def by_name(made, name):
    return next(one for one in made.graph.node if one.name == name)


MODELS = [small.residual, small.several, small.branching]


@pytest.mark.parametrize("build", MODELS)
def test_a_model_agrees_with_itself_in_one_run_each(compare, build):
    found = compare(build(), build())
    assert found.agree
    assert found.exit_code == 0
    assert found.divergence is None
    assert found.differences == {}
    assert set(found.outputs.values()) == {0.0}
    assert found.matched == found.nodes == len(build().graph.node)
    assert found.runs == 2


@pytest.mark.parametrize("number", range(len(small.residual().graph.node)))
def test_the_changed_node_is_named(compare, number):
    a, b = small.residual(), small.residual()
    changed = b.graph.node[number]
    if len(changed.input) > 1 and changed.input[1].endswith("weight"):
        small.set_constant(b, changed.input[1], lambda w: w * np.float32(1.001))
    else:
        changes = {"Relu": "Sigmoid", "Sigmoid": "Relu", "Add": "Sub", "Mul": "Add"}
        changed.op_type = changes.get(changed.op_type, "ReduceMax")
    found = compare(a, b)
    assert found.divergence.node == found.divergence.counterpart == changed.name
    assert found.divergence.confirmed
    assert found.divergence.inputs == 0
    assert found.divergence.isolated == found.divergence.tolerance > 0
    assert list(found.differences) == [changed.name]
    assert found.exit_code == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "square" not in kind])
@pytest.mark.parametrize("name", ["lenet", "residual"])
def test_every_kind_of_fault_is_found(compare, chain, name, kind, seed):
    a = onnx.load(chain.dense_onnx.model) if name == "lenet" else small.residual()
    b = copied(a)
    planted = plant(kind, b, np.random.default_rng(seed))
    if name == "lenet" and kind == "attribute changed":
        assert planted is None  # nothing in LeNet is padded
        return
    found = compare(a, b)
    assert list(found.differences) == [planted]
    if name == "lenet" and planted == "node_conv2d_1" and "folded" in kind:
        assert found.agree  # the channel that is scaled is zero behind its ReLU
        return
    assert found.divergence.node == planted
    assert found.divergence.causes == found.differences[planted]


def test_a_transposed_square_matrix_is_found(compare):
    nodes = [small.node("MatMul", f"{x} {y}.weight", y) for x, y in ("xa", "ab", "by")]
    held = {f"{name}.weight": small.weights(4, 4, seed=i) for i, name in enumerate("aby")}
    a = small.model(nodes, [small.tensor("x", 3, 4)], [small.tensor("y", 3, 4)], **held)
    b = copied(a)
    assert plant("square matrix transposed", b, np.random.default_rng(1)) == "n_b"
    found = compare(a, b)
    assert found.divergence.node == "n_b"
    assert found.divergence.module == "b"
    (cause,) = found.divergence.causes
    assert cause.startswith("b.weight differs in 12 of 16 values, most at [")


def test_the_divergence_is_described(compare):
    a, b = small.residual(), small.residual()
    small.set_constant(b, "down.weight", lambda w: w + (np.arange(w.size) == 7).reshape(w.shape))
    found = compare(a, b)
    divergence = found.divergence
    assert (divergence.op, divergence.tensor, divergence.module) == ("Conv", "down", "down")
    assert divergence.worst.startswith("[")
    old = numpy_helper.to_array(next(t for t in a.graph.initializer if t.name == "down.weight"))
    was = old.reshape(-1)[7]
    where = "[0, 0, 2, 1]"
    assert divergence.causes == (
        f"down.weight differs in 1 of 144 values, most at {where}: {was:.9g} and {was + 1:.9g}",
    )
    assert found.compared == found.agreed_before + 4  # down, third, pooled and logits come after
    assert found.outputs["logits"] > 0
    assert found.tolerance["float32"] == 0


def test_a_difference_that_has_no_effect_is_not_the_divergence(compare):
    """Nothing comes of what the first node does: tensors do not part monotonically."""
    nodes = [
        small.node("Add", "x low", "shifted"),
        small.node("Relu", "shifted", "cut_off"),
        small.node("Add", "cut_off x", "sum"),
        small.node("Mul", "sum factor", "y"),
    ]
    ends = [small.tensor("x", "batch", 3)], [small.tensor("y", "batch", 3)]
    held = {"low": np.float32([-90] * 3), "factor": np.float32([2] * 3)}
    a = small.model(nodes, *ends, **held)
    b = small.model(nodes, *ends, low=np.float32([-80] * 3), factor=np.float32([3] * 3))
    found = compare(a, b)
    assert found.divergence.node == "n_y"
    assert list(found.differences) == ["n_shifted", "n_y"]
    c = small.model(nodes, *ends, low=np.float32([-80] * 3), factor=np.float32([2] * 3))
    same = compare(a, c)
    assert same.agree
    assert list(same.differences) == ["n_shifted"]


def test_of_two_faults_the_first_is_named(compare):
    a, b = small.residual(), small.residual()
    for name in ("left.weight", "fc.weight"):
        small.set_constant(b, name, lambda w: w * 2)
    found = compare(a, b)
    assert found.divergence.node == "n_left"
    assert list(found.differences) == ["n_left", "n_logits"]


def test_a_small_error_that_grows_is_traced_to_its_source(compare):
    nodes = [small.node("Mul", "x zero", "still"), small.node("Add", "still c", "start")]
    nodes += [small.node("Mul", f"{x} ten", y) for x, y in pairwise(("start", *"pqry"))]
    ends = [small.tensor("x", "batch", 3)], [small.tensor("y", "batch", 3)]
    held = {"zero": np.float32(0), "ten": np.float32(10), "c": np.float32([1e-3, 1e-3, 1e-3])}
    a = small.model(nodes, *ends, **held)
    b = small.model(nodes, *ends, **held | {"c": np.float32([1e-3, 1e-3, 1.01e-3])})
    found = compare(a, b, tolerance=1e-4)
    assert found.divergence.node == "n_start"
    assert found.divergence.confirmed
    assert found.divergence.tolerance < 1e-4 < found.outputs["y"]


def test_rounding_that_adds_up_is_not_confirmed(compare):
    a, b = (small.chain([step] * 10, 10) for step in (0.0, 3e-5))
    found = compare(a, b, tolerance=1e-4)
    assert not found.agree
    assert not found.divergence.confirmed
    assert found.divergence.isolated < 1e-4 < found.divergence.tolerance


def test_hundreds_of_nodes_take_few_runs(compare):
    a, b = (small.chain([1.0] * 600, 600) for _ in range(2))
    small.set_constant(b, "c437", lambda c: c * 2)
    found = compare(a, b)
    assert found.divergence.node == "n_t437"
    assert found.runs <= 13


def test_runs_are_bounded_by_memory(compare, monkeypatch):
    import prunepack.stages.bisection.runs

    a, b = (small.chain([1.0] * 64, 64) for _ in range(2))
    small.set_constant(b, "c20", lambda c: c * 2)
    many = compare(a, b)
    monkeypatch.setattr(prunepack.stages.bisection.runs, "MEMORY", 30)
    one_by_one = compare(a, b)
    assert many.divergence.node == one_by_one.divergence.node == "n_t20"
    assert many.runs < one_by_one.runs <= 2 * 8 + 6


def test_a_renamed_file_is_matched_by_its_inputs(compare):
    a, b = small.residual(), small.renamed(small.residual())
    assert compare(a, b).agree
    small.set_constant(b, "v_left.weight", lambda w: w * 2)
    found = compare(a, b)
    assert (found.matched, found.matched_by_name) == (12, 0)
    assert (found.divergence.node, found.divergence.counterpart) == ("n_left", "other_n_left")


def test_another_operator_in_a_renamed_file(compare):
    a, b = small.residual(), small.renamed(small.residual())
    by_name(b, "other_n_gated").op_type = "Add"
    found = compare(a, b)
    assert found.matched == 12
    assert (found.divergence.op, found.divergence.counterpart_op) == ("Mul", "Add")
    assert found.divergence.causes == ("the operator is Mul in A and Add in B",)


def gelu(fused, slope=1.0):
    """A Gelu between two other nodes, in one node or in five."""
    parts = [
        small.node("Div", "h root", "d"),
        small.node("Erf", "d", "e"),
        small.node("Add", "e one", "p"),
        small.node("Mul", "h p", "m"),
        small.node("Mul", "m half", "g"),
    ]
    nodes = [
        small.node("MatMul", "x w", "h"),
        *([small.node("Gelu", "h", "g")] if fused else parts),
        small.node("Mul", "g slope", "y"),
    ]
    held = {"root": math.sqrt(2), "one": 1, "half": 0.5}
    held = {} if fused else {name: np.float32(value) for name, value in held.items()}
    ends = [small.tensor("x", "batch", 4)], [small.tensor("y", "batch", 4)]
    return small.model(nodes, *ends, w=small.weights(4, 4), slope=np.float32(slope), **held)


def test_nodes_that_were_fused_are_one_divergence(compare):
    a, b = gelu(fused=False), gelu(fused=True)
    assert compare(a, b).agree
    b.graph.node[1].attribute.append(onnx.helper.make_attribute("approximate", "tanh"))
    found = compare(a, b)
    assert found.divergence.node == "n_d, n_e, n_p, n_m, n_g"
    assert (found.divergence.counterpart, found.divergence.counterpart_op) == ("n_g", "Gelu")
    assert found.unmatched == (
        "n_d (Div) of A",
        "n_e (Erf) of A",
        "n_p (Add) of A",
        "n_m (Mul) of A",
    )
    assert found.tolerance["float32"] == 1e-4


def test_a_fault_behind_fused_nodes(compare):
    found = compare(gelu(fused=False), gelu(fused=True, slope=1.1))
    assert found.divergence.node == found.divergence.counterpart == "n_y"
    assert found.divergence.causes[0].startswith("slope differs in 1 of 1 values")


def test_a_node_put_in_between_is_passed_over(compare):
    a, b = small.residual(), small.residual()
    by_name(b, "n_first").input[0] = "copy"
    b.graph.node.insert(1, small.node("Identity", "stem", "copy"))
    found = compare(a, b)
    assert found.agree
    assert found.unmatched == ("n_copy (Identity) of B",)
    small.set_constant(b, "down.weight", lambda w: w * 2)
    assert compare(a, b).divergence.node == "n_down"


def test_a_model_that_cannot_be_run_to_its_end(compare):
    a, b = small.residual(), small.residual()
    small.set_constant(b, "left.weight", lambda w: w[:, :2])
    found = compare(a, b)
    assert found.divergence.node == "n_left"
    assert found.divergence.tolerance is None
    assert "onnxruntime cannot run" in found.divergence.worst
    assert found.outputs == {"logits": None}
    assert found.divergence.causes == (
        "left.weight is float32[4, 4, 3, 3] in A and float32[4, 2, 3, 3] in B",
    )


def test_another_shape_is_no_tolerance(compare):
    a, b = small.residual(), small.residual()
    by_name(b, "n_pooled").attribute[0].i = 1
    del b.graph.node[-1], a.graph.node[-1]
    for made in (a, b):
        made.graph.output[0].CopyFrom(small.tensor("pooled"))
    found = compare(a, b)
    assert found.divergence.node == "n_pooled"
    assert found.divergence.worst == "float32[2, 4] and float32[2, 4, 1, 1]"
    assert found.divergence.causes == ("keepdims is 0 in A and 1 in B",)


def test_nan_is_found_where_it_begins(compare):
    a, b = small.residual(), small.residual()
    small.set_constant(b, "stem.bias", lambda bias: bias * np.float32(np.nan))
    found = compare(a, b)
    assert found.divergence.node == "n_stem"
    assert found.divergence.tolerance is None
    assert "nan" in found.divergence.worst


def test_nan_on_both_sides_is_no_difference(compare):
    nodes = [small.node("Sqrt", "x", "root"), small.node("Mul", "root factor", "y")]
    ends = [small.tensor("x", "batch", 9)], [small.tensor("y", "batch", 9)]
    a, b = (small.model(nodes, *ends, factor=np.float32(f)) for f in (2, 3))
    assert compare(a, a).agree
    assert compare(a, b).divergence.node == "n_y"


@pytest.mark.parametrize(
    ("name", "change", "node", "parted"),
    [
        ("table", lambda w: w + 1, "n_rows", ["sum"]),
        ("zero", lambda w: w + 1, "n_kept", ["sum"]),
    ],
)
def test_several_inputs_and_outputs(compare, name, change, node, parted):
    a, b = small.several(), small.several()
    small.set_constant(b, name, change)
    found = compare(a, b, samples=40)
    assert found.divergence.node == node
    assert found.outputs["power"] == 0
    assert all(found.outputs[one] > 0 for one in parted)


def test_indices_run_over_the_whole_table(compare):
    a, b = small.several(), small.several()
    small.set_constant(b, "table", lambda w: np.vstack([w[:2], w[2:] + 1]))
    assert compare(a, b, samples=20).divergence.node == "n_rows"


def test_only_the_output_of_integers_is_apart(compare):
    a, b = small.several(), small.several()
    by_name(b, "n_best").attribute.append(onnx.helper.make_attribute("select_last_index", 1))
    by_name(b, "n_best").op_type = "ArgMin"
    found = compare(a, b)
    assert found.divergence.node == "n_best"
    assert found.outputs["sum"] == 0


def test_a_fault_inside_a_branch(compare):
    a, b = small.branching(), small.branching()
    inner(b).op_type = "Add"
    found = compare(a, b)
    assert (found.divergence.node, found.divergence.op) == ("n_chosen", "If")
    assert found.divergence.causes == ("then_branch: n_taken is PRelu in A and Add in B",)
    assert found.divergence.confirmed


def test_a_constant_that_only_a_branch_reads(compare):
    a, b = small.branching(), small.branching()
    small.set_constant(b, "slope", lambda w: w + 1)
    for made in (a, b):
        inner(made).op_type = "Mul"
    found = compare(a, b)
    assert found.divergence.node == "n_chosen"
    assert found.divergence.causes[0].startswith("slope differs in 4 of 4 values, most at [")


def test_outputs_in_another_order_are_not_a_divergence(compare):
    a, b = small.several(), small.several()
    swapped = {"sum": "power", "power": "sum"}
    for one in b.graph.node:
        one.input[:] = [swapped.get(name, name) for name in one.input]
        one.output[:] = [swapped.get(name, name) for name in one.output]
    found = compare(a, b)
    assert found.exit_code == 1
    assert found.divergence is None
    assert found.outputs["sum"] > 0


def test_a_missing_output_parts(compare):
    a, b = small.several(), small.several()
    del b.graph.output[2]
    found = compare(a, b)
    assert not found.agree
    assert found.divergence is None
    assert found.outputs == {"sum": 0.0, "best": 0.0}


def test_nothing_in_common_is_nothing_checked(compare):
    a, b = small.several(), small.residual()
    del a.graph.input[0], a.graph.input[0], a.graph.input[0]
    del a.graph.node[:-1], a.graph.output[:2]
    a.graph.node[0].input[0] = "x"
    a.graph.input.append(small.tensor("x", "batch", 4, 6, 6))
    b.graph.output.append(small.tensor("third", "batch", 4, 6, 6))
    found = compare(a, b)
    assert found.exit_code == 5
    assert found.outputs == {}


def test_tolerance_decides_whether_they_agree(compare):
    a, b = small.residual(), small.residual()
    small.set_constant(b, "fc.bias", lambda bias: bias + np.float32(1e-3))
    assert compare(a, b).exit_code == 1
    found = compare(a, b, tolerance=0.01)
    assert found.exit_code == 0
    assert list(found.differences) == ["n_logits"]


def test_weights_in_an_external_file(tmp_path):
    for name, factor in (("a", 1), ("b", 2)):
        made = small.residual()
        small.set_constant(made, "down.weight", lambda w, f=factor: w * np.float32(f))
        settings = {"save_as_external_data": True, "size_threshold": 64, "location": f"{name}.data"}
        onnx.save(made, tmp_path / f"{name}.onnx", **settings)
    found = of_files(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert found.divergence.node == "n_down"
    assert "down.weight differs in 144 of 144 values" in found.divergence.causes[0]


def test_inputs_from_a_file(compare, tmp_path):
    a, b = small.residual(), small.residual()
    by_name(b, "n_first").op_type = "Abs"
    made_of = {"stem.weight": 0, "stem.bias": 1}
    for made in (a, b):
        for name, value in made_of.items():
            small.set_constant(made, name, lambda w, v=value: w * 0 + np.float32(v))
    assert compare(a, b).agree  # Relu and Abs are the same on what is positive
    np.savez(tmp_path / "x.npz", x=np.ones((3, 4, 6, 6), np.float32))
    for made in (a, b):
        small.set_constant(made, "stem.weight", lambda w: w - 1)
    found = compare(a, b, inputs=str(tmp_path / "x.npz"), samples=3)
    assert found.divergence.node == "n_first"
    assert (
        found.divergence.worst.endswith(": 0 and 15") or found.divergence.worst.count("0 and ") == 1
    )


def test_inputs_that_do_not_fit(compare, tmp_path):
    np.savez(tmp_path / "x.npz", y=np.ones((3, 4, 6, 6), np.float32))
    with pytest.raises(RefusedError, match=r"x\.npz does not fit the model: .*for each of x"):
        compare(small.residual(), small.residual(), inputs=str(tmp_path / "x.npz"))


def test_an_input_without_possible_samples(compare, says):
    nodes = [small.node("Identity", "words", "same")]
    text = onnx.TensorProto.STRING
    ends = [small.tensor("words", 2, kind=text)], [small.tensor("same", 2, kind=text)]
    made = small.model(nodes, *ends)
    with says(
        RefusedError,
        "the input `words` has a type that no sample can have: expected a tensor of numbers or "
        "booleans, found object. Bisect the part of the model after this input",
    ):
        compare(made, made)


def test_two_models_of_different_inputs(compare, says, tmp_path):
    with says(
        RefusedError,
        f"`{tmp_path}/a.onnx` and `{tmp_path}/b.onnx` have different inputs: expected x, found "
        "ids, mask, scale. Compare two versions of the same model",
    ):
        compare(small.residual(), small.several())


def test_a_reference_that_cannot_run(compare, tmp_path):
    a, b = small.residual(), small.residual()
    small.set_constant(a, "left.weight", lambda w: w[:, :2])
    with pytest.raises(RefusedError, match=r"onnxruntime cannot run `.*a\.onnx`: found "):
        compare(a, b)


def test_a_file_that_is_not_a_model(tmp_path, says):
    (tmp_path / "a.onnx").write_bytes(b"\xff" * 40)
    with (
        pytest.raises(
            RefusedError, match=r"a\.onnx` cannot be read: expected an ONNX model, found"
        ),
        open_program(tmp_path / "a.onnx"),
    ):
        pass
    (tmp_path / "c.onnx").write_bytes(b"")
    with (
        says(
            RefusedError, f"`{tmp_path}/c.onnx` has no outputs: expected an ONNX model with outputs"
        ),
        open_program(tmp_path / "c.onnx"),
    ):
        pass
    with (
        says(
            UsageError,
            f"`{tmp_path}/b.onnx` does not exist: expected an .onnx or .prunepack file, or the "
            "folder of a checkpoint or an export",
        ),
        open_program(tmp_path / "b.onnx"),
    ):
        pass


def sparse(*values):
    """Return a MatMul whose weight is a sparse initializer with these values."""
    made = small.model(
        [small.node("MatMul", "x w", "y")],
        [small.tensor("x", 2, 4)],
        [small.tensor("y", 2, 2)],
        w=np.zeros((4, 2), np.float32),
    )
    del made.graph.initializer[:]
    held = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [len(values)], values)
    indices = onnx.helper.make_tensor("w_at", onnx.TensorProto.INT64, [len(values)], [0, 5])
    made.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(held, indices, [4, 2]))
    return made


def test_sparse_initializers_run_and_are_compared(compare):
    assert compare(sparse(1.0, 2.0), sparse(1.0, 2.0)).agree
    found = compare(sparse(1.0, 2.0), sparse(1.0, 3.0))
    assert found.divergence.node == "n_y"
    assert found.divergence.causes == ("w differs in 1 of 8 values, most at [2, 1]: 2 and 3",)


def test_a_sparse_constant_with_one_index_per_axis():
    whole = sparse(1.0, 2.0).graph.sparse_initializer[0]
    axes = onnx.helper.make_tensor("w_at", onnx.TensorProto.INT64, [2, 2], [0, 0, 2, 1])
    other = onnx.helper.make_sparse_tensor(whole.values, axes, list(whole.dims))
    dense = read_constant(other, Path())
    np.testing.assert_array_equal(dense, read_constant(whole, Path()))
    assert dense[2, 1] == 2


def test_a_program_without_one_of_its_inputs(says):
    program = OnnxProgram(small.several(), Path(), "a.onnx")
    with says(
        RefusedError,
        "`a.onnx` needs more inputs: expected a value for each input that it reads, found no value "
        "for ids, mask, scale",
    ):
        program.compute(["sum"], {})
