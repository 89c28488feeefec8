"""Checkpoints on disk: the same module comes back, and a damaged folder is said to be one."""

import copy
import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec, PrunedParameter, read_spec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import (
    check_dense,
    digest_state,
    open_model,
    save_checkpoint,
    save_masked,
)
from prunepack.stages.pruning.masks import pruned_parameters, put_mask
from prunepack.stages.sources.module_sources import build_module

MODELS = """
import torch
from torch import nn


class Shared(nn.Module):
    '''An embedding that is also the output matrix, and one layer under two names.'''

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.first = nn.Linear(4, 4)
        self.second = self.first
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids):
        return self.head(self.second(self.first(self.embedding(ids))))


def views():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    whole = torch.arange(4000.0).reshape(1000, 4)
    model[0].weight, model[0].bias = nn.Parameter(whole[:3]), nn.Parameter(whole[3, :3])
    model.register_buffer("overlapping", whole[2:4])
    model.register_buffer("turned", whole[:, 0].reshape(10, 100).t()[:2])
    model.register_buffer("nothing", torch.empty(0, 2))
    model.register_buffer("no_more", torch.empty(0, 2))
    return model
"""
IDS = torch.tensor([[0, 3], [5, 1]])


@pytest.fixture
def kept(run, write):
    """Saves a module of ``MODELS`` and opens it again."""

    def kept(factory, edit=None):
        spec = ModelSpec(model=f"{write(MODELS)}{factory}", inputs=())
        model, out = build_module(spec.model), run.folder()
        if edit is None:
            save_checkpoint(out, model, spec)
            return model, Checkpoint(out, "")
        edit(model)
        pruned = (PrunedParameter(layer=p.layer, parameter=p.parameter) for p in _all(model))
        save_masked(out, model, spec.model_copy(update={"pruned": tuple(pruned)}))
        return model, MaskedCheckpoint(out, "")

    return kept


def _all(model):
    return list(pruned_parameters(model))


def test_parts_of_larger_tensors_come_back_by_themselves(kept):
    model, saved = kept("views")
    found, spec = open_model(saved)
    assert digest_state(found.state_dict()) == digest_state(model.state_dict())
    assert (saved.path / "weights.safetensors").stat().st_size < 1000
    assert spec.tied == {}


def test_shared_tensors_and_layers_are_stored_once_and_stay_shared(kept):
    model, saved = kept("Shared")
    found, spec = open_model(saved)
    assert spec.tied == {
        "second.weight": "first.weight",
        "second.bias": "first.bias",
        "head.weight": "embedding.weight",
    }
    assert found.head.weight is found.embedding.weight
    assert found.second is found.first
    assert torch.equal(found(IDS), model(IDS))


def test_masks_on_shared_tensors_and_layers_come_back(kept):
    def prune(model):
        put_mask(model.first, "weight", torch.eye(4))
        mask = (torch.arange(24).reshape(6, 4) % 3 > 0).float()
        put_mask(model.embedding, "weight", mask)
        put_mask(model.head, "weight", mask)

    model, saved = kept("Shared", prune)
    found, _ = open_model(saved)
    assert found.head.weight_orig is found.embedding.weight_orig
    assert torch.equal(found(IDS), model(IDS))
    assert [one.name for one in _all(found)] == [one.name for one in _all(model)]
    assert not found.training


def test_a_masked_model_can_be_copied_right_away(kept):
    _, saved = kept("Shared", lambda model: put_mask(model.first, "weight", torch.eye(4)))
    found, _ = open_model(saved)
    assert torch.equal(copy.deepcopy(found).first.weight, found.first.weight)
    assert torch.equal(found.first.weight, found.first.weight_orig * torch.eye(4))


def test_the_state_dict_for_plain_torch(kept):
    model, saved = kept("Shared", lambda model: put_mask(model.first, "weight", torch.eye(4)))
    state = torch.load(saved.state_dict, weights_only=True)
    assert digest_state(state) == digest_state(model.state_dict())


def test_the_same_model_gives_the_same_bytes(kept, run):
    _, saved = kept("Shared", lambda model: put_mask(model.first, "weight", torch.eye(4)))
    again = run.folder()
    found, spec = open_model(saved)
    save_masked(again, found, spec)
    for name in MaskedCheckpoint.files:
        assert (again / name).read_bytes() == (saved.path / name).read_bytes(), name


def test_a_dense_checkpoint_lists_no_pruned_parameter(run):
    spec = ModelSpec(
        model="lenet", inputs=(), pruned=(PrunedParameter(layer="fc1", parameter="weight"),)
    )
    out = run.folder()
    save_checkpoint(out, build_module("lenet"), spec)
    assert read_spec(out).pruned == ()


def test_opening_leaves_randomness_as_it_was(kept):
    _, saved = kept("Shared")
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    open_model(saved)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {**state, "b": state["b"].double()},
        lambda state: {**state, "b": state["b"].reshape(1, 2)},
        lambda state: {"a": state["a"], "c": state["b"]},
        lambda state: {"a": state["b"], "b": state["a"]},
        lambda state: {**state, "a": torch.tensor([-0.0, 1.0])},
    ],
    ids=["dtype", "shape", "name", "order", "sign of zero"],
)
def test_the_digest_of_a_state_dict_sees_every_change(change):
    state = {"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([2.0, 3.0])}
    assert digest_state(dict(reversed(state.items()))) == digest_state(state)
    assert digest_state(change(state)) != digest_state(state)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"inputs": 7}, "` is not valid at inputs: found Input should be a valid tuple"),
        ({"colour": "red"}, "` is not valid at colour: found Extra inputs are not permitted"),
        (
            {"inputs": [{"shape": [0.5]}]},
            "` is not valid at inputs.0.shape.0: found Value error, Input",
        ),
    ],
)
def test_a_model_json_of_another_form(kept, change, problem):
    _, saved = kept("Shared")
    path = saved.path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RefusedError) as caught:
        read_spec(saved.path)
    assert str(caught.value).startswith(f"`{path}{problem}")


def test_damaged_weights(kept):
    _, saved = kept("Shared")
    path = saved.path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RefusedError) as caught:
        open_model(saved)
    assert f"`{path}` cannot be read: expected a safetensors file, found " in str(caught.value)


def test_weights_of_another_model(kept, says):
    _, saved = kept("Shared")
    path = saved.path / "weights.safetensors"
    save_file(load_file(path) | {"first.weight": torch.ones(4, 5)}, path)
    with says(
        RefusedError,
        f"`{path}` does not fit the model: expected the 6 tensors of its state dict, "
        "found `first.weight` is (4, 5), not (4, 4); `second.weight` is (4, 5), not (4, 4). "
        "Correct the factory or its load.arguments, or rename the keys of the file",
    ):
        open_model(saved)


def test_a_model_whose_code_has_lost_a_pruned_layer(kept, write, says):
    _, saved = kept("Shared", lambda model: put_mask(model.first, "weight", torch.eye(4)))
    write(MODELS.replace("self.first", "self.renamed"))
    with says(
        RefusedError,
        f"`{saved.path}/masked.safetensors` does not fit the model: expected a parameter "
        "`first.weight`, found none. "
        "Correct the factory or its load.arguments, or rename the keys of the file",
    ):
        open_model(saved)


def test_a_model_whose_code_is_gone(kept, tmp_path):
    _, saved = kept("Shared")
    (tmp_path / "user.py").unlink()
    with pytest.raises(UsageError, match="cannot be loaded: expected a file"):
        open_model(saved)


def test_a_name_outside_ascii_on_a_machine_with_another_encoding(tmp_path):
    code = (
        "from pathlib import Path; from torch import nn\n"
        "from prunepack.stages.contract.model_spec import *\n"
        "from prunepack.stages.models.checkpoints import save_checkpoint\n"
        "spec = ModelSpec(model='lenet', inputs=(InputSpec(name='gr\\u00f6\\u00dfe'),))\n"
        "save_checkpoint(Path(), nn.Linear(1, 1), spec)\n"
        "assert read_spec(Path()) == spec\n"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=os.environ | plain)


def test_a_built_in_and_a_factory_build_modules(write):
    assert isinstance(build_module("lenet"), nn.Module)
    assert isinstance(build_module(f"{write(MODELS)}Shared"), nn.Module)
    assert InputSpec().shape == ()


@pytest.mark.parametrize("change", [1e-6, -1.0, float("nan")])
def test_a_dense_model_that_was_not_pruned(chain, change, says):
    dense, _ = open_model(chain.dense)
    spec = read_spec(chain.final.path)
    check_dense(dense, spec)
    with torch.no_grad():
        next(dense.parameters()).view(-1)[0] += change
    found = digest_state(dense.state_dict())
    with says(
        RefusedError,
        "the dense model is not the one that was pruned: expected a state dict with the SHA-256 "
        f"{spec.before_pruning[:12]}…, found {found[:12]}…. "
        "Compare with the output of load that was pruned, or name another in load.dense",
    ):
        check_dense(dense, spec)


@pytest.mark.parametrize("update", [{"before_pruning": ""}, {"is_dense_known": False}])
def test_a_dense_model_of_unknown_origin(chain, update):
    dense, _ = open_model(chain.dense)
    spec = read_spec(chain.final.path).model_copy(update=update)
    with torch.no_grad():
        next(dense.parameters()).zero_()
    check_dense(dense, spec)
