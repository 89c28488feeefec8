"""The pruner in a training loop: sparsity by the schedule, masks, zeros that stay, its end."""

import copy
import logging
import subprocess
import sys

import pytest
import torch
from torch import nn

from prunepack.errors import UsageError
from prunepack.training import Pruner, Schedule


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


def train(model, pruner, steps, optimizer=None):
    """Train with momentum and weight decay; return the sparsity after each step."""
    optimizer = optimizer or torch.optim.SGD(
        model.parameters(), 0.1, momentum=0.9, weight_decay=0.01
    )
    course = []
    for _ in range(steps):
        optimizer.zero_grad()
        x = torch.randn(32, 16)
        nn.functional.cross_entropy(model(x), x[:, :4].argmax(1)).backward()
        optimizer.step()
        pruner.step()
        course.append(pruner.sparsity)
    return course


@pytest.mark.parametrize(
    ("schedule", "course"),
    [
        (Schedule("linear", steps=4), [0.2, 0.4, 0.6, 0.8, 0.8]),
        (Schedule("cubic", steps=4), [0.4625, 0.7, 0.7875, 0.8, 0.8]),
        (Schedule("iterative", steps=2), [1 - 0.2**0.5, 0.8, 0.8]),
        (Schedule("one_shot"), [0.8, 0.8]),
        (Schedule("one_shot", start=2), [0.0, 0.0, 0.8, 0.8]),
        (Schedule("linear", steps=5, every=2, start=1), [0, 0, 0.8 / 3, 0.8 / 3, 1.6 / 3, 0.8]),
    ],
)
def test_sparsity_follows_the_schedule(schedule, course):
    model = build()
    pruner = Pruner(model, schedule, amount=0.8)
    assert train(model, pruner, len(course)) == pytest.approx(course, abs=1e-3)
    assert pruner.is_done
    assert sum(mask.sum() for mask in pruner.masks.values()) == 640 - round(0.8 * 640)


def test_zeros_stay_zeros_and_become_positive_zeros():
    model = build()
    pruner = Pruner(model, Schedule("cubic", steps=6, every=2), amount=0.7)
    optimizer = torch.optim.Adam(model.parameters(), 0.05, weight_decay=0.1)
    zeros = {name: torch.zeros_like(mask) for name, mask in pruner.masks.items()}
    for _ in range(10):
        train(model, pruner, 1, optimizer)
        for name, mask in pruner.masks.items():
            assert not mask[zeros[name] == 1].any(), "a pruned weight came back"
            zeros[name] = 1 - mask
    masks = {name: mask.clone() for name, mask in pruner.masks.items()}
    assert pruner.finalize() == pytest.approx(0.7, abs=1e-3)
    assert set(model.state_dict()) == set(build().state_dict())
    for name, mask in masks.items():
        weight = model.state_dict()[name]
        assert not weight[mask == 0].view(torch.int32).any()
        assert weight[mask == 1].all()
    copy.deepcopy(model)(torch.ones(1, 16))


def test_the_ranking_uses_the_weights_after_the_optimizer():
    model = nn.Sequential(nn.Linear(4, 1, bias=False))
    pruner = Pruner(model, Schedule("one_shot"), amount=2)
    model(torch.ones(1, 4))  # torch computes the masked weight here
    with torch.no_grad():
        model[0].weight_orig.copy_(torch.tensor([[1.0, 9.0, 8.0, 2.0]]))
    assert pruner.step()
    assert pruner.masks["0.weight"].tolist() == [[0, 1, 1, 0]]
    assert model[0].weight.tolist() == [[0, 9, 8, 0]]


def test_settings_are_those_of_the_prune_table():
    model = build()
    pruner = Pruner(
        model,
        Schedule("one_shot"),
        rules=[{"layers": "0", "method": "ln_structured", "amount": 0.5}],
        exclude=["last"],
    )
    pruner.step()
    assert set(pruner.masks) == {"0.weight"}
    rows = pruner.masks["0.weight"].sum(1)
    assert sorted(rows.tolist()) == [0] * 16 + [16] * 16


def test_remarks_are_logged_once_and_kept(caplog):
    with caplog.at_level(logging.WARNING, "prunepack"):
        pruner = Pruner(build(), Schedule("linear", steps=2), amount=0.5, layers="0")
        pruner.step()
        pruner.step()
    texts = [record.getMessage() for record in caplog.records]
    assert tuple(texts) == pruner.remarks
    assert any("`2" in text for text in texts)
    assert len(set(texts)) == len(texts)


def test_a_resumed_pruner_ends_with_the_same_masks():
    def make():
        model = build()
        return model, Pruner(model, Schedule("linear", steps=4), amount=0.8)

    torch.manual_seed(1)
    model, pruner = make()
    train(model, pruner, 2)
    saved = copy.deepcopy(dict(model.state_dict())), pruner.state_dict()
    resumed, again = make()
    resumed.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    assert again.sparsity == pruner.sparsity > 0
    for one in (pruner, again):
        one.step()
        one.step()
    for name, mask in pruner.masks.items():
        assert torch.equal(mask, again.masks[name])
    assert torch.equal(model(torch.ones(1, 16)), resumed(torch.ones(1, 16)))


def test_a_wrapped_model_is_looked_into():
    model = build()
    pruner = Pruner(nn.DataParallel(model), Schedule("one_shot"), amount=0.5)
    pruner.step()
    assert set(pruner.masks) == {"0.weight", "2.weight"}
    assert hasattr(model[0], "weight_mask")


@pytest.mark.parametrize(
    ("field", "value", "least"), [("steps", 0, 1), ("every", 0, 1), ("start", -1, 0)]
)
def test_a_schedule_with_a_wrong_number(field, value, least):
    with pytest.raises(UsageError) as caught:
        Schedule("linear", **{"steps": 2, field: value})
    error = caught.value
    assert error.what == f"the schedule cannot have {field}={value}"
    assert (error.expected, error.found) == (f"at least {least}", str(value))
    assert error.hint == f"Give the number of calls of Pruner.step as {field}"


def test_wrong_settings_are_listed():
    with pytest.raises(UsageError) as caught:
        Pruner(build(), Schedule("cubic", steps=2), amount=1.5, colour="red")
    error = caught.value
    assert error.what == "the settings of the pruner are wrong"
    assert error.expected == "settings of a [prune] table"
    assert "amount: " in error.found
    assert "colour: " in error.found


def test_a_step_after_the_end():
    pruner = Pruner(build(), Schedule("one_shot"), amount=0.5)
    pruner.step()
    pruner.finalize()
    with pytest.raises(UsageError) as caught:
        pruner.step()
    error = caught.value
    assert error.what == "the pruner cannot step"
    assert (error.expected, error.found) == ("masks", "none: finalize() made them permanent")
    assert error.hint == "Call finalize() after the last step"


def test_an_install_without_the_build_side(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(UsageError) as caught:
        Pruner(build(), Schedule("one_shot"))
    error = caught.value
    assert error.what == "the pruner cannot be made"
    assert (error.expected, error.found) == (
        "the build side of prunepack",
        "no module named pydantic",
    )
    assert error.hint == "Install it with pip install 'prunepack[build]'"


def test_the_module_imports_no_library():
    code = (
        "import sys, prunepack.training\n"
        "assert not {'torch', 'pydantic', 'numpy', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
