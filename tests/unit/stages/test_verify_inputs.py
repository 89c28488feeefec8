"""Verifying the user's own models, on their own samples, with their own metric and tolerances."""

import json
import shutil
import tomllib

import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.comparison.tolerances import Tolerance
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.metrics.metric import metrics_from_json
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.pack import PackConfig, pack
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.verify import VerifyConfig, verify

USER = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Flattens(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(1, 2, 3), nn.Linear(32, 3)

    def forward(self, x):
        x = self.conv(x).relu()
        return self.linear(x.view(-1, int(x.nelement() / x.shape[0])))


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.linear = nn.Embedding(50, 8), nn.Linear(8, 4)

    def forward(self, ids, mask):
        found = self.linear(self.words(ids)) * mask[..., None]
        return found, found.sum(1)


class Trains(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.BatchNorm1d(4), nn.Linear(4, 3)

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return self.linear(self.norm(x))


class Drops(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.drop = nn.Linear(4, 3), nn.Dropout(0.5)

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return self.drop(self.linear(x))


class DropsInside(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return functional.dropout(self.linear(x), 0.5)


class Company(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x - x.mean(0))


class Ratio(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x / x.norm(dim=1, keepdim=True))


class Overflows(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x).abs().exp()


def some():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(40, 4)).astype("float32")
    return {"test": (x, generator.integers(0, 3, 40))}


def wrong_labels():
    return {"test": (np.zeros((4, 4)), [0, 1, 2, 3])}


def samples():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(20, 4)).astype("float32")
    return {"x": x, "labels": generator.integers(0, 3, 20)}


def without_labels():
    return {"x": np.full((7, 4), 1e3)}


def closeness(outputs, labels):
    return -abs(outputs["output"][:, 0] - labels)
"""
X = InputSpec(name="x", shape=(4,))

pytestmark = pytest.mark.usefixtures("fresh_exports")


@pytest.fixture
def where(write):
    return write(USER)


@pytest.fixture
def carried(run, where):
    """The outputs of the stages for one of the models of ``USER``: all that verify takes."""

    def carried(factory, *inputs, dataset="", pruned=True):
        data = f"{where}{dataset}" if dataset else ""
        config = LoadConfig(model=f"{where}{factory}", dataset=data, inputs=inputs or (X,))
        dense = run(load, config)
        final = dense
        if pruned:
            masked = run(prune, PruneConfig(amount=0.5, scope="local"), dense)
            final = run(finalize, FinalizeConfig(), masked)
        exported = run(export, ExportConfig(), final)
        return dense, final, exported, run(pack, PackConfig(), exported)

    return carried


@pytest.fixture
def verified(run):
    def verified(parts, **settings):
        path = run(verify, VerifyConfig(provider="cpu", **settings), *parts).path / "parity.json"
        return metrics_from_json(json.loads(path.read_text())["metrics"], path)

    return verified


def value(metrics, name):
    return metrics[name].value


def test_a_model_that_flattens_by_its_number_of_elements(carried, verified):
    metrics = verified(carried("Flattens", InputSpec(name="x", shape=(1, 6, 6))))
    assert value(metrics, "parity.torch_onnx.beyond_tolerance") == 0
    assert value(metrics, "parity.torch_onnx.unmatched_outputs") == 0
    note = metrics["parity.inputs.random_samples"].note
    assert note == (
        "also zeros, small values × 1/4096, 1/64, 1/8, "
        "large values × 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, "
        "batch of 3, 7, 16, 32, 100; not missing values, which torch cannot take"
    )


IDS = InputSpec(name="ids", shape=(6,), dtype="int64")
MASK = InputSpec(name="mask", shape=(6,), dtype="int64")
WORDS = torch.zeros(2, 6, dtype=torch.long), torch.ones(2, 6, dtype=torch.long)


@pytest.fixture(scope="module")
def built_reader(workshop):
    """A model of two integer inputs, exported with a dynamic length."""
    run = workshop("reader")
    code = run.folder() / "user.py"
    code.write_text(USER)
    dense = run(load, LoadConfig(model=f"{code}:Reader", inputs=(IDS, MASK)))
    final = run(
        finalize, FinalizeConfig(), run(prune, PruneConfig(amount=0.5, scope="local"), dense)
    )
    folder = run.folder()
    length, batch = torch.export.Dim("length"), torch.export.Dim("batch")
    torch.onnx.export(
        open_model(final)[0],
        WORDS,
        folder / "model.onnx",
        dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
        input_names=["ids", "mask"],
        output_names=["output_0", "output_1"],
        external_data=False,
        verbose=False,
    )
    (folder / "interface.json").write_text(json.dumps({"outputs": ["output_0", "output_1"]}))
    return dense, final, folder


@pytest.fixture
def reader(built_reader, tmp_path, run):
    """All that verify takes of that model; its ONNX is a copy, for the test to change."""
    dense, final, folder = built_reader
    onnx_model = OnnxModel(shutil.copytree(folder, tmp_path / "dynamic"), "")
    return dense, final, onnx_model, run(pack, PackConfig(), onnx_model)


def test_a_dynamic_length_is_tried_at_another_size(reader, verified):
    metrics = verified(reader)
    assert metrics["parity.inputs.dynamic_axes"].value == 1
    assert value(metrics, "parity.inputs.untested_axes") == 0
    note = metrics["parity.inputs.random_samples"].note
    assert note == (
        "also zeros, zeros of ids, lowest values, highest values, "
        "length of 1, 3, 5, 7, 12, 17, 33, 65, 129, 257, batch of 3, 7, 16, 32, 100"
    )
    assert value(metrics, "parity.torch_onnx.outputs") == 2
    assert value(metrics, "parity.torch_onnx.beyond_tolerance") == 0
    assert value(metrics, "parity.torch_onnx.outputs.output_1.cosine") == pytest.approx(1)


class Reshapes(nn.Module):
    """The reader with a length baked into a shape, as if a number had been traced."""

    def __init__(self, reader):
        super().__init__()
        self.reader = reader

    def forward(self, ids, mask):
        found, total = self.reader(ids, mask)
        return found.reshape(-1, 6, 4), total


class Picks(Reshapes):
    """The reader with a length baked into an index."""

    def forward(self, ids, mask):
        found, total = self.reader(ids, mask)
        return found, total + 0 * found[:, 5]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Reshapes, "output_0: float32[2, 129, 4] and float32[43, 6, 4]"),
        (Picks, "length of 3: onnxruntime cannot run the model on ids, mask: found "),
    ],
)
def test_a_dynamic_length_that_the_onnx_does_not_really_take(reader, verified, run, kind, why):
    dense, final, onnx_model, _ = reader
    dims = {0: "batch", 1: "length"}
    with torch.no_grad():
        torch.onnx.export(
            kind(open_model(final)[0]),
            WORDS,
            onnx_model.path / "model.onnx",
            dynamic_axes={"ids": dims, "mask": dims},
            input_names=["ids", "mask"],
            output_names=["output_0", "output_1"],
            dynamo=False,
        )
    metrics = verified((dense, final, onnx_model, run(pack, PackConfig(), onnx_model)))
    unmatched = metrics["parity.torch_onnx.unmatched_outputs"]
    assert unmatched.value >= 3
    assert why in unmatched.note


def test_a_dynamic_length_that_torch_takes_at_one_size_only(reader, verified, run, write):
    """An ONNX whose length is open, of a torch model whose length is not."""
    _, _, onnx_model, artifact = reader
    code = write(USER + PICKY)
    dense = run(load, LoadConfig(model=f"{code}Picky", inputs=(IDS, MASK)))
    metrics = verified((dense, dense, onnx_model, artifact))
    missed = metrics["parity.inputs.untested_axes"]
    assert (missed.value, missed.note) == (1, "length")
    note = metrics["parity.inputs.random_samples"].note
    assert note.endswith(
        "; not length of 3, 5, 7, 12, 17, 33, 65, 129, 257, which torch cannot take"
    )


PICKY = """

class Picky(Reader):
    def forward(self, ids, mask):
        return super().forward(ids, mask + torch.zeros(6))
"""


def test_integers_are_drawn_from_the_whole_table(reader, verified, tmp_path):
    """A word that only the ONNX knows another vector for is found by random inputs alone."""
    model = onnx.load(reader[2].model)
    words = next(one for one in model.graph.initializer if one.dims == [50, 8])
    table = numpy_helper.to_array(words).copy()
    table[41] += 0.1
    words.CopyFrom(numpy_helper.from_array(table, words.name))
    onnx.save(model, reader[2].model)
    assert value(verified(reader), "parity.torch_onnx.beyond_tolerance") > 0


@pytest.fixture
def unexamined(monkeypatch):
    """Let the stage load take a model that it would refuse."""
    monkeypatch.setattr(
        "prunepack.stages.load.examine_model", lambda _module, inputs, *_names, **_options: inputs
    )


@pytest.mark.usefixtures("unexamined")
def test_a_model_that_stays_in_training(carried, verified):
    with pytest.raises(RefusedError, match="Expected more than 1 value per channel when training"):
        verified(carried("Trains"))


@pytest.mark.usefixtures("unexamined")
def test_dropout_that_eval_does_not_reach(carried, verified):
    metrics = verified(carried("Drops", pruned=False))
    layers = metrics["torch.training_layers"]
    names = "the model, linear, drop"
    assert (layers.value, layers.note) == (6, f"{names}, the model, linear")
    assert value(metrics, "torch.inconsistent_values") > 0


@pytest.mark.usefixtures("unexamined")
def test_dropout_without_a_layer_of_its_own(carried, verified):
    metrics = verified(carried("DropsInside", pruned=False))
    assert value(metrics, "torch.training_layers") == 0
    assert value(metrics, "torch.inconsistent_values") > 0
    assert "(run again)" in metrics["torch.inconsistent_values"].note
    assert value(metrics, "parity.torch_onnx.beyond_tolerance") > 0


def test_a_sample_whose_answer_depends_on_its_company(carried, verified):
    metrics = verified(carried("Company"))
    unsteady = metrics["torch.inconsistent_values"]
    assert unsteady.value > 0
    assert unsteady.note.endswith("(run alone)")
    assert value(metrics, "parity.torch_onnx.beyond_tolerance") == 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 4])
def test_company_is_looked_at_however_few_random_samples_there_are(carried, verified, count):
    metrics = verified(carried("Company"), random_samples=count)
    assert value(metrics, "torch.inconsistent_values") > 0


def test_zeros_that_torch_itself_has_no_answer_to(carried, verified):
    metrics = verified(carried("Ratio"))
    assert value(metrics, "parity.torch_onnx.nonfinite") == 0
    note = metrics["parity.inputs.random_samples"].note
    assert note.startswith("also small values × 1/4096, 1/64, 1/8, large values × 4, 16, 64, ")
    assert note.endswith("; not zeros, missing values, which torch cannot take")


def test_values_too_large_for_torch_are_left_out(carried, verified):
    metrics = verified(carried("Overflows"))
    note = metrics["parity.inputs.random_samples"].note
    assert "large values × 4, 16, 64, 256, batch of" in note
    assert "large values × 1024, 4096, 16384, 65536, 262144, missing values, which" in note
    assert value(metrics, "parity.torch_onnx.nonfinite") == 0
    assert value(metrics, "parity.torch_onnx.beyond_tolerance") == 0


def test_labelled_samples_of_ones_own_are_judged_instead_of_the_dataset(carried, verified, where):
    parts = carried("Company", dataset="some")
    own = verified(parts, inputs=f"{where}samples")
    assert value(own, "accuracy.samples") == 20
    both = verified(parts, inputs=f"{where}without_labels")
    assert value(both, "accuracy.samples") == 40
    count = "parity.torch_onnx.samples"
    assert value(own, count) - value(both, count) == (20 + 40) - (7 + 40)


def test_labels_without_a_dataset(carried, verified, where):
    metrics = verified(carried("Ratio"), inputs=f"{where}samples", samples=11)
    assert value(metrics, "accuracy.samples") == 11
    assert value(metrics, "accuracy.lost") - value(metrics, "accuracy.gained") == pytest.approx(
        0.11 * value(metrics, "accuracy.drop")
    )


def test_labels_of_classes_that_the_model_does_not_have(carried, verified, where):
    with pytest.raises(
        RefusedError, match=r"wrong_labels` do not fit the model: .* 2, .* 0 to 3\. "
    ):
        verified(carried("Ratio", dataset="wrong_labels"))


def test_a_metric_of_ones_own(carried, verified, where):
    parts = carried("Overflows", dataset="some")
    metrics = verified(parts, metric=f"{where}closeness", batch_size=9)
    assert value(metrics, "metric.samples") == 40
    assert (
        metrics["metric.drop"].low <= value(metrics, "metric.drop") <= metrics["metric.drop"].high
    )
    assert value(metrics, "metric.onnx") == pytest.approx(value(metrics, "metric.pruned"), rel=1e-5)
    assert value(metrics, "accuracy.samples") == 40


def test_a_metric_with_nothing_to_judge(carried, verified, where, says):
    with says(
        UsageError,
        f"`verify.metric` {where}closeness has no labelled samples: "
        "expected `load.dataset`, or an array of labels in `verify.inputs`, found neither",
    ):
        verified(carried("Ratio"), metric=f"{where}closeness")


def test_tolerances_by_output(reader, verified, says):
    rules = (Tolerance(outputs="*_1", atol=0.0, rtol=0.0),)
    metrics = verified(reader, tolerances=rules)
    assert metrics["parity.torch_onnx.outputs.output_1.beyond_tolerance"].note == "atol 0, rtol 0"
    assert value(metrics, "torch.inconsistent_values") == 0
    with says(
        UsageError,
        "verify.tolerances[1]: no output is named `output_2`. Did you mean `output_1`?",
    ):
        verified(reader, tolerances=(Tolerance(outputs="output_2"),))


def test_sparsity_of_each_layer(carried, verified):
    metrics = verified(carried("Flattens", InputSpec(name="x", shape=(1, 6, 6))))
    assert value(metrics, "sparsity.layer.conv") == 50
    assert metrics["sparsity.layer.linear"].note == "48 of 96 are zero"
    assert value(metrics, "sparsity.weights") == 50


def test_suggested_tolerances_can_be_pasted_and_pass(reader, verified, run):
    config = VerifyConfig(provider="cpu", suggest=True)
    run(verify, config, *reader)
    summary, _, toml = str(run.facts["summary"]).partition("\n\n")
    assert summary.startswith("torch ↔ ONNX within ")
    rules = tomllib.loads(toml)["verify"]["tolerances"]
    assert [rule["outputs"] for rule in rules] == ["output_0", "output_1"]
    metrics = verified(reader, tolerances=rules)
    assert value(metrics, "parity.torch_onnx.beyond_tolerance") == 0
    assert all(4e-7 < rule["atol"] == rule["rtol"] < 1e-4 for rule in rules)
