"""Pruning and finalization of live modules: as the stages do it, and errors."""

import copy
import logging
import sys

import numpy as np
import pytest
import torch
from torch import nn

import prunepack
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.prune import PruneConfig, apply_rules


def build(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.last = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, tokens, weight):
        return self.last(self.table(tokens).mean(1) * weight)


X = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "settings",
    [
        {"amount": 0.8},
        {"method": "ln_structured", "amount": 0.25},
        {"layers": "0", "amount": 100, "method": "random_unstructured", "seed": 3},
        {"schedule": "cubic", "steps": 3, "step": 2},
    ],
)
def test_masks_are_those_of_the_stage(settings):
    mine, theirs = build(), build()
    assert prunepack.prune(mine, **settings) is mine
    apply_rules(PruneConfig(**settings), theirs)
    for name, buffer in theirs.named_buffers():
        assert torch.equal(buffer, mine.get_buffer(name))
    assert any("weight_orig" in name for name, _ in mine.named_parameters())


def test_a_second_call_prunes_further():
    model = prunepack.prune(build(), 0.5)
    first = model[0].weight_mask.clone()
    prunepack.prune(model, 0.5)
    assert (model[0].weight_mask <= first).all()
    assert (model[0].weight == 0).sum() > (first == 0).sum()


def test_a_copy_is_pruned_alike_each_time():
    """The advice of docs/how-to/python.md for a cell that is run twice."""
    model = build()
    first, second = (prunepack.prune(copy.deepcopy(model), 0.9) for _ in range(2))
    assert torch.equal(first[0].weight, second[0].weight)
    twice = prunepack.prune(first, 0.9)
    assert (twice[0].weight == 0).float().mean() == pytest.approx(0.99, abs=0.005)
    assert not list(model.buffers())


def test_a_method_that_measures_layers_gets_the_inputs():
    x = X.clone()
    x[:, :8] *= 100  # Wanda keeps the weights of large inputs
    model = prunepack.prune(build(), 0.5, method="wanda", inputs=x)
    assert model[0].weight_mask[:, :8].mean() > 0.95
    assert model[0].weight_mask[:, 8:].mean() < 0.05
    with pytest.raises(UsageError, match="the method wanda ranks weights by samples") as refused:
        prunepack.prune(build(), 0.5, method="wanda")
    assert refused.value.hint == "Pass a batch of training samples as inputs"


@pytest.mark.parametrize("method", ["snip", "taylor"])
def test_a_method_that_differentiates_gets_the_labels(method):
    labels = torch.arange(8) % 4
    model = build()
    prunepack.prune(model, 0.5, method=method, inputs=X, labels=labels)
    assert int((model[0].weight == 0).sum() + (model[2].weight == 0).sum()) == 320
    with pytest.raises(UsageError, match="label"):
        prunepack.prune(build(), 0.5, method=method, inputs=X)


def test_assumptions_are_logged(caplog):
    with caplog.at_level(logging.WARNING, "prunepack"):
        prunepack.prune(build(), 1.0, inputs=X)
    assert any("no weights left" in text for text in caplog.messages)
    assert any("no longer depends on the inputs" in text for text in caplog.messages)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"amount": 1.5}, "amount"),
        ({"method": "l3"}, "method"),
        ({"amounts": 0.5}, "amounts: no such setting. Did you mean `amount`?"),
        ({"amont": 0.5}, "amont: no such setting. Did you mean `amount`?"),
        ({"layer": "0"}, "layer: no such setting. Did you mean `layers`?"),
        ({"rules": [{"metod": "n_m"}]}, "rules[1].metod: no such setting. Did you mean `method`?"),
        ({"finetune": {"epochs": 3}}, "finetune: no such setting."),
        ({"amount": 0.5, "rules": [{"amount": 0.2}]}, "are both given"),
    ],
)
def test_wrong_settings(settings, found):
    with pytest.raises(UsageError) as refused:
        prunepack.prune(build(), **settings)
    assert found in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [{"method": m} for m in ("l1_unstructured", "ln_structured", "random_unstructured", "n_m")]
    + [{"rules": [{"layers": "2", "amount": 0.5}]}],
)
def test_weights_with_nan_are_refused(settings):
    model = build()
    with torch.no_grad():
        model[2].weight[0, :2] = float("nan")
    with pytest.raises(RefusedError, match=r"`2.weight` cannot be pruned: NaN has no") as refused:
        prunepack.prune(model, **settings)
    assert refused.value.found == "2 NaN"
    with pytest.raises(RefusedError, match=r"`2.weight` cannot be pruned"):  # the stage's own call
        apply_rules(PruneConfig(**settings), model)
    prunepack.prune(model, 0.5, layers="0")  # other layers can be pruned


@pytest.mark.parametrize("method", ["wanda", "wanda_n_m", "admm", "admm_n_m", "snip", "taylor"])
def test_samples_with_nan_are_refused(method):
    x, model = X.clone(), build()
    x[3, 5] = float("nan")
    with pytest.raises(RefusedError, match=r"of `0.weight` are NaN on the calibration samples"):
        prunepack.prune(model, method=method, inputs=x, labels=torch.arange(8) % 4)
    assert not list(model.buffers())


@pytest.mark.parametrize("schedule", ["cubic", "linear", "iterative"])
def test_a_schedule_needs_training_between_its_rounds(schedule):
    model = build()
    with pytest.raises(UsageError, match="needs training between its rounds") as refused:
        prunepack.prune(model, 0.9, schedule=schedule, steps=3)
    assert refused.value.expected == "no schedule, or the number of the round: step=1 to step=3"
    assert "prunepack.training.Pruner" in refused.value.hint
    assert not list(model.buffers())
    prunepack.prune(model, 0.9, schedule=schedule, steps=3, step=3)
    assert list(model.buffers())


@pytest.mark.parametrize(
    "settings",
    [{"groups": True}, {"rules": [{"method": "ln_structured", "amount": 0.5, "groups": True}]}],
)
def test_channel_groups_need_inputs(settings):
    method = {} if "rules" in settings else {"method": "ln_structured"}
    with pytest.raises(UsageError, match="channel groups are found by a run") as refused:
        prunepack.prune(build(), **method, **settings)
    assert refused.value.hint == "Pass a batch of training samples as inputs"


def test_a_rule_that_names_no_layer():
    with pytest.raises(UsageError, match="conv"):
        prunepack.prune(build(), layers="conv*")


def test_finalize_leaves_plain_parameters():
    model = build().train()
    model[2].bias.requires_grad_(False)
    prunepack.prune(model, 0.75)
    expected = {
        name: part.weight.detach().clone() for name, part in model.named_children() if name != "1"
    }
    outputs = model(X)
    assert prunepack.finalize(model, X) is model
    assert {name for name, _ in model.named_parameters()} == {
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    }
    assert not list(model.buffers())
    for name, weight in expected.items():
        found = model.get_submodule(name).weight
        assert torch.equal(found, weight)
        assert not torch.signbit(found[found == 0]).any()
    assert torch.equal(model(X), outputs)
    assert model.training
    assert model[0].training
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["2.bias"]
    copy.deepcopy(model)
    model(X).sum().backward()
    assert model[0].weight.grad is not None


def test_finalize_is_that_of_the_stage(lenet_run):
    """The weights are those that the stages left, bit for bit."""
    masked, final = (open_model(each)[0] for each in (lenet_run.masked, lenet_run.final))
    prunepack.finalize(masked, torch.zeros(2, 1, 28, 28))
    for name, tensor in final.state_dict().items():
        assert torch.equal(tensor.view(torch.int32), masked.state_dict()[name].view(torch.int32))


def test_a_compiled_model_is_looked_into():
    model = build()
    prunepack.finalize(prunepack.prune(torch.compile(model), 0.5))
    assert int((model[0].weight == 0).sum() + (model[2].weight == 0).sum()) == 320


def test_finalize_of_a_model_without_masks():
    with pytest.raises(UsageError, match="the model has no pruning masks") as refused:
        prunepack.finalize(build())
    assert refused.value.hint == "Call prunepack.prune(model, amount=0.9) first"


def test_finalize_of_weights_that_are_not_finite():
    model = prunepack.prune(build(), 0.5)
    with torch.no_grad():
        model[0].weight_orig[0, 0] = float("inf")
    with pytest.raises(RefusedError, match="is not finite"):
        prunepack.finalize(model)


def test_finalize_where_an_output_would_change():
    """A weight that another layer shares but does not mask shows in the outputs."""
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    nn.utils.prune.l1_unstructured(model[0], "weight", 0.5)
    model[2].weight = model[0].weight_orig
    with pytest.raises(RefusedError, match="output 0 changed"):
        prunepack.finalize(model, X)


@pytest.mark.parametrize(
    "inputs",
    [
        (torch.tensor([[1, 2], [3, 49]]), torch.ones(2, 1)),
        [np.array([[1, 2], [3, 49]]), np.ones((2, 1), np.float32)],
        {"weight": torch.ones(2, 1), "tokens": torch.tensor([[1, 2], [3, 49]])},
    ],
)
def test_forms_of_inputs(inputs):
    model = prunepack.prune(TwoInputs(), 0.5, inputs=inputs)
    prunepack.finalize(model, inputs)
    assert (model.last.weight == 0).any()


@pytest.mark.parametrize(
    ("inputs", "what"),
    [
        ("image.png", "the input `input` is a str"),
        ([[1.0, 2.0]], "the input `input` is a list"),
        ({"input": None}, "the input `input` is a NoneType"),
        (torch.zeros(0, 16), "the input `input` is empty"),
        ((X, X), "input_1"),
        ({"pixels": X, "mask": X}, "pixels"),
    ],
)
def test_inputs_that_do_not_fit(inputs, what):
    with pytest.raises(UsageError) as refused:
        prunepack.prune(build(), 0.5, inputs=inputs)
    assert what in str(refused.value)


def test_inputs_on_which_the_model_fails():
    with pytest.raises(RefusedError, match="the torch model cannot run on"):
        prunepack.prune(build(), 0.5, inputs=torch.zeros(2, 3))


@pytest.mark.parametrize("call", ["prune", "finalize", "export", "verify", "run"])
def test_an_installation_without_the_build_side(call, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("prunepack.stages")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("prunepack.pipeline.execution", "prunepack.scripting.live_models"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    arguments = {"prune": (build(),), "finalize": (build(),), "export": (build(), X, "m.onnx")}
    arguments |= {"verify": (build(), "m.onnx", X), "run": ("lenet",)}
    with pytest.raises(UsageError) as refused:
        getattr(prunepack, call)(*arguments[call])
    assert refused.value.what == f"prunepack.{call} cannot be called"
    assert refused.value.found == "no module named pydantic"
    assert refused.value.hint == "Install it with pip install 'prunepack[build]'"
