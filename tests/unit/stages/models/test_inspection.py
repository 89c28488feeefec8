"""Looking into a checkpoint."""

import json
from dataclasses import asdict
from itertools import count

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunepack.errors import UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.models.denormals import keep_denormals
from prunepack.stages.models.inspection import describe_hook, inspect_model
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.sources.module_sources import build_module

MODEL = """
import torch
from torch import nn


def stack():
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))
    with torch.no_grad():
        model[0].weight.copy_(torch.arange(-4, 4).view(2, 1, 2, 2))
    return model


def tied():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    return model
"""


@pytest.fixture
def dense(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)

    def make(factory="stack"):
        spec = ModelSpec(
            model=f"{tmp_path}/model.py:{factory}", inputs=(InputSpec(shape=(1, 2, 2)),)
        )
        out = tmp_path / factory
        out.mkdir()
        save_checkpoint(out, build_module(spec.model), spec)
        return Checkpoint(out, "")

    return make


@pytest.fixture
def masked(tmp_path):
    numbers = count()

    def make(source, *configs):
        for config in configs:
            out = tmp_path / f"masked{next(numbers)}"
            out.mkdir()
            prune.body(PruneConfig(**config), out, source)
            source = MaskedCheckpoint(out, "")
        return source

    return make


def rows(view):
    return {f"{row.layer}.{row.parameter}": row for row in view.rows}


def test_a_dense_model(dense):
    view = inspect_model(dense())
    assert list(rows(view)) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "3.weight",
        "3.bias",
    ]
    row = rows(view)["0.weight"]
    assert (row.shape, row.dtype, row.elements) == ((2, 1, 2, 2), "float32", 8)
    assert (row.pruned, row.zeros, row.sparsity, row.methods) == (0, 1, 0.125, ())
    assert view.elements == 8 + 2 + 2 + 2 + 6 + 3
    assert view.pruned == 0
    assert view.layer is None
    assert view.model.endswith("model.py:stack")


def test_a_masked_model_under_its_dense_names(dense, masked):
    artifact = masked(
        dense(),
        {"amount": 3, "layers": "0"},
        {"method": "ln_structured", "amount": 1, "layers": "0"},
    )
    view = inspect_model(artifact)
    row = rows(view)["0.weight"]
    assert (row.pruned, row.zeros, row.sparsity) == (5, 5, 0.625)
    assert row.methods == ("l1_unstructured", "ln_structured")
    assert view.pruned == 5
    assert rows(view)["3.weight"].methods == ()


def test_a_shared_weight_counts_once(dense, masked):
    view = inspect_model(masked(dense("tied"), {"amount": 2}))
    assert rows(view)["0.weight"].tied_to == ""
    assert rows(view)["1.weight"].tied_to == "0.weight"
    assert rows(view)["1.weight"].methods == ("l1_unstructured",)
    assert (view.elements, view.pruned) == (4 + 2 + 2, 2)


def test_a_layer_before_pruning(dense):
    layer = inspect_model(dense(), "0").layer
    assert (layer.layer, layer.kind) == ("0", "Conv2d")
    assert [one.name for one in layer.named_parameters] == ["weight", "bias"]
    assert layer.named_buffers == layer.forward_pre_hooks == layer.before == layer.after == ()


def test_a_layer_after_pruning(dense, masked):
    layer = inspect_model(masked(dense(), {"amount": 3, "layers": "0"}), "0").layer
    assert [one.name for one in layer.named_parameters] == ["bias", "weight_orig"]
    assert [one.name for one in layer.named_buffers] == ["weight_mask"]
    assert layer.forward_pre_hooks == ("Identity",)
    (before,), (after,) = layer.before, layer.after
    assert (before.name, before.shape) == ("weight_orig", (2, 1, 2, 2))
    assert "[-2., -1.]" in before.text
    assert (after.name, after.dtype) == ("weight", "float32")
    assert "[-2., -0.]" in after.text


def test_a_model_as_json(dense, masked):
    view = asdict(inspect_model(masked(dense(), {}), "3"))
    assert json.loads(json.dumps(view))["layer"]["kind"] == "Linear"


def test_a_layer_that_is_not_there(dense):
    with pytest.raises(UsageError) as caught:
        inspect_model(dense(), "8")
    assert str(caught.value) == "the model has no layer `8`. Choose among: 0, 1, 2, 3"


def test_in_one_process_a_container_names_the_methods_it_collected():
    layer = nn.Linear(4, 4)
    torch_prune.l1_unstructured(layer, "weight", 2)
    torch_prune.ln_structured(layer, "weight", 1, 2, 0)
    layer.register_forward_pre_hook(seen)
    assert [describe_hook(hook) for hook in layer._forward_pre_hooks.values()] == [
        "PruningContainer(L1Unstructured, LnStructured)",
        "seen",
    ]


def seen(module, inputs):
    """Stand for a hook of the user's own."""


def test_an_empty_parameter_is_not_sparse(tmp_path):
    (tmp_path / "empty.py").write_text(
        "from torch import nn\n\n\ndef build():\n    return nn.Embedding(0, 4)\n"
    )
    out = tmp_path / "empty"
    out.mkdir()
    spec = ModelSpec(model=f"{tmp_path}/empty.py:build", inputs=(InputSpec(shape=(1,)),))
    save_checkpoint(out, nn.Embedding(0, 4), spec)
    (row,) = inspect_model(Checkpoint(out, "")).rows
    assert (row.elements, row.sparsity) == (0, 0.0)
    assert torch.Size(row.shape) == (0, 4)


def test_denormals_are_counted(dense):
    model = dense()
    module, spec = open_model(model)
    with torch.no_grad(), keep_denormals():
        module[0].weight[0] = 1e-40
    save_checkpoint(model.path, module, spec)
    view = inspect_model(model)
    assert [row.denormals for row in view.rows] == [4, 0, 0, 0, 0, 0]
    assert view.denormals == 4
