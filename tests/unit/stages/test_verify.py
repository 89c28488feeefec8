"""Verifying: a right model passes, and each planted fault shows in its own metric."""

import json
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from prunepack import pack
from prunepack.errors import CorruptArtifactError, RefusedError
from prunepack.stages.comparison.forms import ModelForms
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact, ParityResult, hash_release
from prunepack.stages.data.datasets import open_data
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.gate import GateConfig, judge
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.metrics.metric import metrics_from_json
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.pack import PackConfig
from prunepack.stages.pack import pack as pack_stage
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.training.scoring import measure_accuracy
from prunepack.stages.verify import VerifyConfig, verify

CPU = VerifyConfig(provider="cpu", batch_size=200)

pytestmark = pytest.mark.usefixtures("fresh_exports")


def list_parts(chain):
    return chain.dense, chain.final, chain.onnx, chain.artifact


def judge_parity(path):
    """Return the metrics of a ``parity.json``, and the names of the checks that failed."""
    skip = ("latency.*", "graph.*", "runtime.nodes_elsewhere", "accuracy.drop")
    report = judge(GateConfig(skip=skip), [path])
    failed = {check.limit.name for check in report.checks if check.outcome != "passed"}
    assert report.exit_code == (1 if failed else 0)
    return metrics_from_json(json.loads(path.read_text())["metrics"], path), failed


@pytest.fixture
def verified(run):
    """Verifies a chain; returns its metrics and the names of the checks that failed."""

    def verified(chain, config=CPU):
        return judge_parity(run(verify, config, *list_parts(chain)).path / "parity.json")

    return verified


@pytest.fixture(scope="module")
def parity(workshop, chain):
    """The output of verify for the right chain, and its facts."""
    run = workshop("parity")
    return run(verify, CPU, *list_parts(chain)), run.facts


@pytest.fixture
def changed(tmp_path):
    """An exported model after ``edit`` had its hands on the ONNX."""

    def changed(exported, edit):
        folder = tmp_path / "changed"
        shutil.copytree(exported.path, folder)
        model = onnx.load(folder / "model.onnx")
        edit(model.graph)
        onnx.save(model, folder / "model.onnx")
        return OnnxModel(folder, "")

    return changed


@pytest.fixture
def packed(run):
    return lambda exported: run(pack_stage, PackConfig(), exported)


STRESS = 2 * (1 + 12) + 3 + 7 + 16 + 32 + 100
"""Samples of stress inputs of LeNet: zeros, twelve scales, and batches of five sizes."""


def test_a_right_chain_passes_every_check(chain, parity, some_digits):
    metrics, failed = judge_parity(parity[0].path / "parity.json")
    assert failed == set()
    values = {name: one.value for name, one in metrics.items()}
    assert values["parity.weights.differing_bytes"] == 0
    assert values["parity.weights.unmatched_files"] == 0
    assert values["parity.session.differing_values"] == 0
    assert values["parity.session.unmatched_outputs"] == 0
    assert values["forms.sparse"] == 1
    assert values["parity.sparse.samples"] == 500 + 64 + STRESS - 2 * 4  # without huge inputs
    assert values["parity.sparse.beyond_tolerance"] == 0 < values["parity.sparse.tolerance"] < 1e-5
    assert values["parity.torch_onnx.unmatched_outputs"] == 0
    assert values["parity.torch_onnx.nonfinite"] == 0
    assert 0 < values["parity.torch_onnx.tolerance"] < 1e-5
    assert values["parity.torch_onnx.outputs"] == 1
    assert (
        values["parity.torch_onnx.samples"] == values["parity.session.samples"] == 500 + 64 + STRESS
    )
    assert values["runtime.provider_mismatches"] == 0
    assert values["sparsity.weights"] == pytest.approx(90, abs=0.1)
    assert metrics["sparsity.weights"].note.endswith("of 59,838 are zero")

    test = open_data(some_digits).test
    for name, model in (("dense", chain.dense), ("pruned", chain.final)):
        expected = 100 * measure_accuracy(open_model(model)[0], test)
        assert values[f"accuracy.{name}"] == pytest.approx(expected)
    assert values["accuracy.onnx"] == values["accuracy.artifact"] == values["accuracy.pruned"]
    assert values["accuracy.drop"] == values["accuracy.dense"] - values["accuracy.pruned"]
    assert values["accuracy.drop"] > 20
    assert values["agreement.torch_onnx"] == 100
    assert values["accuracy.samples"] == 500
    assert metrics["accuracy.dense"].note == "500 test samples"


def test_what_it_says_and_of_which_files(chain, parity):
    parity, facts = parity
    assert isinstance(parity, ParityResult)
    metrics = parity.content["metrics"]
    accuracy = [metrics[f"accuracy.{name}"]["value"] for name in ("dense", "artifact")]
    worst = metrics["parity.torch_onnx.tolerance"]["value"]
    assert facts["summary"] == (
        f"torch ↔ ONNX within {worst:.1e}, accuracy {accuracy[0]:.2f} → {accuracy[1]:.2f} %"
    )
    assert parity.content["digests"] == hash_release(chain.onnx, chain.artifact, chain.dense)


def test_fewer_samples(chain, verified):
    metrics, _ = verified(chain, CPU.model_copy(update={"samples": 30, "random_samples": 4}))
    assert metrics["accuracy.samples"].value == 30
    assert metrics["parity.torch_onnx.samples"].value == 30 + 4 + STRESS


def test_each_form_runs_once_on_each_batch(chain, verified, monkeypatch):
    """Except torch and ONNX, which run twice more for their consistency."""
    runs = Counter()
    run_form = ModelForms.run_form

    def counted(self, form, inputs):
        runs[form] += 1
        return run_form(self, form, inputs)

    monkeypatch.setattr(ModelForms, "run_form", counted)
    verified(chain)
    random, stress, samples = 3, 18, 3
    refused = 1  # missing values
    batches = random + stress + samples
    assert runs == {
        "dense": samples,
        "pruned": batches + refused + 2,
        "onnx": batches + 2,
        "artifact": batches,
    }


def test_the_same_input_gives_the_same_bytes(chain, parity, run):
    results = parity[0], run(verify, CPU, *list_parts(chain))
    one, other = (result.path / "parity.json" for result in results)
    assert one.read_bytes() == other.read_bytes()


def test_a_fixed_batch_is_verified_as_well(chain, run, packed, verified):
    fixed = run(export, ExportConfig(dynamic_batch=False), chain.final)
    metrics, failed = verified(replace(chain, onnx=fixed, artifact=packed(fixed)))
    assert failed == set()
    assert metrics["parity.torch_onnx.samples"].value == 500 + 64 + STRESS


def nudge(graph):
    bias = next(one for one in graph.initializer if one.name == "fc3.bias")
    values = numpy_helper.to_array(bias).copy()
    values[7] += 0.05
    bias.CopyFrom(numpy_helper.from_array(values, bias.name))


def test_a_nudged_weight_in_the_onnx(chain, changed, verified):
    metrics, failed = verified(replace(chain, onnx=changed(chain.onnx, nudge)))
    assert failed == {
        "parity.graph.unexplained_nodes",
        "parity.torch_onnx.beyond_tolerance",
        "parity.weights.differing_bytes",
        "parity.session.differing_values",
    }
    assert 0 < metrics["parity.weights.differing_bytes"].value <= 4
    assert metrics["parity.session.differing_values"].value == 500 + 64 + STRESS
    assert metrics["parity.torch_onnx.tolerance"].value == pytest.approx(0.05, rel=0.2)
    assert ", 7]: " in metrics["parity.torch_onnx.tolerance"].note


def test_bytes_that_only_one_file_has(chain, tmp_path, verified):
    folder = tmp_path / "longer"
    shutil.copytree(chain.onnx.path, folder)
    with (folder / "model.onnx").open("ab") as file:
        file.write(onnx.ModelProto(producer_version="7").SerializeToString())
    metrics, failed = verified(replace(chain, onnx=OnnxModel(folder, "")))
    assert failed == {"parity.weights.differing_bytes"}
    assert metrics["parity.weights.differing_bytes"].value == 3


def test_a_nudged_weight_in_the_onnx_and_its_artifact(chain, changed, packed, verified):
    onnx_model = changed(chain.onnx, nudge)
    _, failed = verified(replace(chain, onnx=onnx_model, artifact=packed(onnx_model)))
    assert failed == {"parity.torch_onnx.beyond_tolerance", "parity.graph.unexplained_nodes"}


def test_a_weight_that_is_not_a_number(chain, changed, packed, verified):
    def spoil(graph):
        bias = next(one for one in graph.initializer if one.name == "fc3.bias")
        values = numpy_helper.to_array(bias).copy()
        values[0] = np.nan
        bias.CopyFrom(numpy_helper.from_array(values, bias.name))

    onnx_model = changed(chain.onnx, spoil)
    metrics, failed = verified(replace(chain, onnx=onnx_model, artifact=packed(onnx_model)))
    assert failed == {
        "parity.graph.unexplained_nodes",
        "parity.torch_onnx.beyond_tolerance",
        "parity.torch_onnx.nonfinite",
    }
    assert metrics["parity.torch_onnx.nonfinite"].value == 500 + 64 + STRESS
    assert metrics["accuracy.onnx"].value < 20


def test_the_artifact_of_another_model(chain, packed, verified):
    metrics, failed = verified(replace(chain, artifact=packed(chain.dense_onnx)))
    assert failed == {"parity.weights.differing_bytes", "parity.session.differing_values"}
    assert metrics["accuracy.artifact"].value > metrics["accuracy.pruned"].value


def test_a_checkpoint_of_another_model(chain, verified):
    _, failed = verified(replace(chain, final=chain.dense))
    assert failed == {
        "parity.graph.unexplained_nodes",
        "parity.torch_onnx.beyond_tolerance",
        "parity.weights.changed_values",
        "parity.weights.unaccounted",
    }


def test_an_artifact_under_another_file_name(chain, tmp_path, verified):
    shutil.copy(chain.onnx.model, tmp_path / "renamed.onnx")
    pack(tmp_path / "renamed.onnx", tmp_path / "model.prunepack")
    metrics, failed = verified(
        replace(chain, artifact=PackedArtifact(tmp_path / "model.prunepack", ""))
    )
    assert failed == {"parity.weights.unmatched_files", "parity.weights.files"}
    assert metrics["parity.weights.unmatched_files"].value == 2
    assert metrics["parity.weights.unmatched_files"].note == "model.onnx, renamed.onnx"


def rename_output(graph):
    graph.node[-1].output[0] = graph.output[0].name = "answer"


def add_output(graph):
    first = graph.node[0].output[0]
    graph.output.append(helper.make_tensor_value_info(first, 1, None))


def test_an_output_that_was_renamed(chain, changed, packed, verified):
    onnx_model = changed(chain.onnx, rename_output)
    metrics, failed = verified(replace(chain, onnx=onnx_model, artifact=packed(onnx_model)))
    unmatched = metrics["parity.torch_onnx.unmatched_outputs"]
    assert (unmatched.value, unmatched.note) == (2, "answer is extra; output is missing")
    assert {"parity.torch_onnx.unmatched_outputs", "parity.torch_onnx.outputs"} < failed
    assert metrics["accuracy.onnx"].value == metrics["agreement.torch_onnx"].value == 0
    assert metrics["accuracy.drop"].value == metrics["accuracy.dense"].value


def test_an_output_that_only_the_onnx_has(chain, changed, verified):
    metrics, failed = verified(replace(chain, onnx=changed(chain.onnx, add_output)))
    for pair in ("torch_onnx", "session"):
        assert metrics[f"parity.{pair}.unmatched_outputs"].value == 1
        assert f"parity.{pair}.unmatched_outputs" in failed
    assert metrics["parity.torch_onnx.unmatched_outputs"].note.endswith("is extra")
    assert metrics["parity.session.unmatched_outputs"].note.endswith("is missing")


def test_an_artifact_of_a_model_with_other_inputs(chain, run, user, packed, verified):
    config = LoadConfig(model=f"{user}mlp", inputs=(InputSpec(name="x", shape=(8,)),))
    other = packed(run(export, ExportConfig(), run(load, config)))
    with pytest.raises(RefusedError, match="onnxruntime cannot run the model on input: found Req"):
        verified(replace(chain, artifact=other))


def test_a_damaged_artifact(chain, tmp_path, verified):
    data = bytearray(chain.artifact.file.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "model.prunepack").write_bytes(data)
    with pytest.raises(CorruptArtifactError):
        verified(replace(chain, artifact=PackedArtifact(tmp_path, "")))


USER = """
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x, y):
        return self.linear(x + y)


class Pixels(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x)[:, None]


def some():
    return {"test": ([[0.0] * 4] * 3, [0, 1, 2])}


def none():
    return {"test": ([], [])}
"""


@pytest.fixture
def carried(run, write, packed, chain):
    """A chain of one of the models of ``USER``."""

    def carried(factory, dataset, inputs):
        where = write(USER)
        data = f"{where}{dataset}" if dataset else ""
        config = LoadConfig(model=f"{where}{factory}", dataset=data, inputs=inputs)
        dense = run(load, config)
        final = run(finalize, FinalizeConfig(), run(prune, PruneConfig(), dense))
        exported = run(export, ExportConfig(), final)
        return replace(chain, dense=dense, final=final, onnx=exported, artifact=packed(exported))

    return carried


X, Y = InputSpec(name="x", shape=(4,)), InputSpec(name="y", shape=(4,))


def test_without_a_dataset_parity_is_judged_on_random_inputs(carried, verified, run):
    metrics, failed = verified(carried("Two", "", (X, Y)))
    assert failed == set()
    assert metrics["parity.torch_onnx.samples"].value > 64
    assert not any(name.startswith("accuracy") for name in metrics)
    assert run.facts["summary"].startswith("torch ↔ ONNX within ")
    assert "accuracy" not in run.facts["summary"]


def test_a_dataset_with_one_array_for_a_model_with_two_inputs(carried, verified, tmp_path, says):
    chain = carried("Two", "some", (X, Y))
    with says(
        RefusedError,
        f"split `test` of `{tmp_path}/user.py:some` does not fit the model: expected an array for "
        "each of x, y, found a list. Give a dictionary of arrays by input name",
    ):
        verified(chain)


def test_labels_that_do_not_fit_the_answer(carried, verified, tmp_path, says):
    chain = carried("Pixels", "some", (X,))
    with says(
        RefusedError,
        f"the labels of split `test` of `{tmp_path}/user.py:some` do not fit the model: expected "
        "whole numbers of the shape [3, 1] or zeros and ones of the shape [3, 1, 3] or numbers of "
        "the shape [3, 1, 3], for an answer of [3, 1, 3], found int64[3]. Name the output that "
        "answers in verify.answer, or name a metric of your own in verify.metric",
    ):
        verified(chain)


def test_a_dataset_without_test_samples(carried, verified, tmp_path, says):
    chain = carried("Pixels", "none", (X,))
    path = tmp_path / "user.py"
    with says(RefusedError, f"the dataset {path}:none has no test samples: expected some"):
        verified(chain)
