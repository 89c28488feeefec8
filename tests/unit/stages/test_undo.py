"""Undoing: the dense model comes back, and the stage says whether it is the same one."""

from itertools import count

import pytest
import torch

from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import (
    open_model,
    save_checkpoint,
    save_masked,
)
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.sources.module_sources import build_module
from prunepack.stages.undo import UndoConfig, undo

MODEL = """
from torch import nn


def stack():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5)
    )


def tied():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    return model


def half():
    return nn.Linear(4, 4).half()
"""


@pytest.fixture
def fresh(tmp_path):
    numbers = count()

    def make():
        out = tmp_path / str(next(numbers))
        out.mkdir()
        return out

    return make


@pytest.fixture
def dense(tmp_path, fresh):
    (tmp_path / "model.py").write_text(MODEL)

    def make(factory="stack", edit=None):
        spec = ModelSpec(
            model=f"{tmp_path}/model.py:{factory}", inputs=(InputSpec(shape=(2, 4, 4)),)
        )
        module, out = build_module(spec.model), fresh()
        if edit is not None:
            edit(module)
        save_checkpoint(out, module, spec)
        return Checkpoint(out, "")

    return make


@pytest.fixture
def masked(fresh):
    def make(source, *configs):
        for config in configs or ({},):
            out = fresh()
            prune.body(PruneConfig(**config), out, source)
            source = MaskedCheckpoint(out, "")
        return source

    return make


def assert_same_files(one, other):
    for name in Checkpoint.files:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize("factory", ["stack", "tied", "half"])
@pytest.mark.parametrize(
    "configs",
    [
        ({},),
        ({"method": "identity"},),
        ({"amount": 0.5}, {"method": "ln_structured", "amount": 1}, {"parameter": "bias"}),
    ],
    ids=["once", "identity", "three times"],
)
def test_the_files_of_the_dense_model_come_back(dense, masked, fresh, factory, configs):
    source, out = dense(factory), fresh()
    facts = undo.body(UndoConfig(), out, masked(source, *configs))
    assert facts["exact"] is True
    assert_same_files(source.path, out)


def test_what_it_says(dense, masked, fresh):
    assert undo.body(UndoConfig(), fresh(), masked(dense())) == {
        "summary": "2 masks taken off, bit for bit the model before pruning",
        "exact": True,
        "masks": 2,
    }


def test_numbers_that_a_mask_would_destroy(dense, masked, fresh):
    def edit(module):
        module[4].weight.data[0, :3] = torch.tensor([-0.0, float("inf"), float("-inf")])

    source, out = dense(edit=edit), fresh()
    facts = undo.body(UndoConfig(), out, masked(source, {"amount": 1.0}))
    assert facts["exact"] is True
    assert_same_files(source.path, out)


def test_random_masks_leave_no_trace(dense, masked, fresh):
    source, out = dense(), fresh()
    undo.body(UndoConfig(), out, masked(source, {"method": "random_structured", "amount": 0.5}))
    assert_same_files(source.path, out)


def trained(artifact, out, change):
    module, spec = open_model(artifact)
    with torch.no_grad():
        change(module)
    save_masked(out, module, spec)
    return MaskedCheckpoint(out, "")


@pytest.mark.parametrize(
    "change",
    [lambda m: m[4].weight_orig.mul_(2), lambda m: m[1].running_mean.add_(1)],
    ids=["weights", "buffers"],
)
def test_a_model_that_was_trained_since_is_another_one(dense, masked, fresh, change):
    source, out = trained(masked(dense()), fresh(), change), fresh()
    facts = undo.body(UndoConfig(), out, source)
    assert facts["exact"] is False
    assert facts["summary"] == ("2 masks taken off, not the model before pruning: trained since")
    module, spec = open_model(Checkpoint(out, ""))
    assert not module[4].weight.eq(0).any()
    assert spec.before_pruning == ""


def test_a_model_of_unknown_origin(dense, masked, fresh):
    module, spec = open_model(masked(dense()))
    source, out = fresh(), fresh()
    save_masked(source, module, spec.model_copy(update={"before_pruning": ""}))
    facts = undo.body(UndoConfig(), out, MaskedCheckpoint(source, ""))
    assert facts["summary"] == "2 masks taken off, the model before pruning is not known"
    assert facts["exact"] is False


def test_what_the_stage_declares():
    assert undo.name == "undo"
    assert undo.config_type is UndoConfig
    assert undo.inputs == {"model": (MaskedCheckpoint,)}
    assert undo.produces == (Checkpoint,)
