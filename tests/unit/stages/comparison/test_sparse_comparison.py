"""Sparse kernels as a form of their own: they agree, or the comparison shows the difference."""

from dataclasses import replace

import numpy as np
import pytest

from prunepack.stages.comparison.forms import ModelForms
from prunepack.stages.comparison.sparse.kernels import SparseComparison
from prunepack.stages.comparison.tolerances import Tolerance
from prunepack.stages.inputs.batches import InputBatch

PIXELS = np.random.default_rng(0).random((4, 1, 28, 28), np.float32)
BATCH = InputBatch("random", {"input": PIXELS}, 4)


@pytest.fixture(scope="module")
def forms(chain):
    return ModelForms.open("cpu", chain.dense, chain.final, chain.onnx, chain.artifact)


@pytest.fixture
def compare(chain, forms):
    """Compares one batch; `edit` stands for kernels that compute something else."""

    def compare(edit=lambda outputs: outputs, batch=BATCH, rules=(), file=chain.artifact.file):
        comparison = SparseComparison(forms, file, rules)
        outputs = forms.run(batch.arrays, forms.compared)
        comparison.add(batch, {**outputs, "artifact": edit(outputs["artifact"])})
        return comparison.metrics()

    return compare


def value(metrics, name):
    return metrics[f"parity.sparse.{name}"].value


@pytest.mark.parametrize("form", ["onnx", "artifact"])
def test_right_kernels_differ_by_rounding_alone(compare, chain, form):
    file = {"onnx": chain.onnx.model, "artifact": chain.artifact.file}[form]
    metrics = compare(file=file)
    assert metrics["forms.sparse"].value == 1
    assert metrics["forms.sparse"].note == "5 layers on sparse kernels"
    assert (value(metrics, "samples"), value(metrics, "values")) == (4, 40)
    assert 0 < value(metrics, "tolerance") < 1e-5
    assert value(metrics, "beyond_tolerance") == value(metrics, "nonfinite") == 0


@pytest.mark.parametrize(
    ("edit", "name", "count"),
    [
        (lambda outputs: {"output": outputs["output"] + np.float32(0.01)}, "beyond_tolerance", 40),
        (lambda outputs: {"output": outputs["output"] * np.float32(np.nan)}, "nonfinite", 40),
        (lambda outputs: {"other": outputs["output"]}, "unmatched_outputs", 2),
        (lambda outputs: {"output": outputs["output"][:, :9]}, "unmatched_outputs", 1),
    ],
)
def test_other_kernels_show(compare, edit, name, count):
    assert value(compare(edit), name) == count


def test_tolerances_are_those_of_torch_and_onnx(compare):
    def shift(outputs):
        return {"output": outputs["output"] + np.float32(0.01)}

    assert value(compare(shift, rules=(Tolerance(atol=0.02),)), "beyond_tolerance") == 0


@pytest.mark.parametrize(
    "batch",
    [
        replace(BATCH, scale=2048.0),
        replace(BATCH, arrays={"input": np.where(PIXELS < 0.1, np.nan, PIXELS)}),
        replace(BATCH, arrays={"input": np.where(PIXELS < 0.1, np.inf, PIXELS)}),
    ],
)
def test_inputs_on_which_kernels_may_differ_are_left_out(compare, batch):
    batch = replace(batch, arrays={"input": batch.arrays["input"].astype(np.float32)})
    metrics = compare(batch=batch)
    assert (value(metrics, "samples"), value(metrics, "unmatched_outputs")) == (0, 0)


def test_inputs_that_the_session_refuses_show(compare, forms):
    comparison = SparseComparison(forms, forms.graphs[-1], ())
    comparison.add(replace(BATCH, arrays={"input": PIXELS[..., :27]}), {"artifact": {}})
    found = comparison.metrics()["parity.sparse.unmatched_outputs"]
    assert found.value == 1
    assert found.note.startswith("random: onnxruntime cannot run the model on input")


def test_a_model_that_was_not_pruned_has_no_such_form(chain, forms):
    metrics = SparseComparison(forms, chain.dense_onnx.model, ()).metrics()
    assert list(metrics) == ["forms.sparse"]
    assert metrics["forms.sparse"].value == 0
    assert metrics["forms.sparse"].note == "no layer with a sparse kernel has 50% of zeros"


def test_the_comparison_can_be_turned_off(forms):
    metrics = SparseComparison(forms, None, ()).metrics()
    assert metrics["forms.sparse"].note == "verify.sparse is off"


def test_sparse_kernels_need_the_cpu(chain, forms):
    other = replace(forms, providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    found = SparseComparison(other, chain.onnx.model, ()).metrics()["forms.sparse"]
    assert (found.value, found.note) == (0, "sparse kernels run on the CPU")
