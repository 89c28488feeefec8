"""Losses: by the labels, by name, of the user; probabilities, tokens and other answers."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.training.answers import choose_answer, compute_outputs
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.losses import Objective

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 4, generator=GENERATOR, requires_grad=True)
CLASSES = np.array([0, 3, 1, 2, 2, 0])
FLAGS = np.array([[1, 0, 1, 1]] * 6)
TARGETS = np.linspace(0, 1, 24).reshape(6, 4)
SOFT = np.full((6, 4), 0.25)
OWN = """
def own(outputs, labels): return (outputs["output"] - labels).abs().mean()
def many(outputs, labels): return outputs["output"]
def plain(outputs, labels): return 0.5
def fails(outputs, labels): return outputs["y"]
"""


def objective(**settings):
    return Objective(TrainConfig(**settings), "data")


def compute(labels, answer=LOGITS, **settings):
    return objective(**settings).compute({"output": answer}, labels)


@pytest.mark.parametrize(
    ("loss", "labels", "expected"),
    [
        ("auto", CLASSES, functional.cross_entropy(LOGITS, torch.tensor(CLASSES))),
        ("auto", np.eye(4)[CLASSES], functional.cross_entropy(LOGITS, torch.tensor(CLASSES))),
        (
            "auto",
            FLAGS,
            functional.binary_cross_entropy_with_logits(LOGITS, torch.tensor(FLAGS).float()),
        ),
        ("auto", TARGETS, functional.mse_loss(LOGITS, torch.tensor(TARGETS).float())),
        ("mse", FLAGS, functional.mse_loss(LOGITS, torch.tensor(FLAGS).float())),
        (
            "bce",
            TARGETS,
            functional.binary_cross_entropy_with_logits(LOGITS, torch.tensor(TARGETS).float()),
        ),
        ("cross_entropy", SOFT, functional.cross_entropy(LOGITS, torch.tensor(SOFT).float())),
    ],
)
def test_the_loss_is_that_of_torch(loss, labels, expected):
    assert torch.equal(compute(labels, loss=loss), expected)


def test_tokens_with_ignored_labels():
    logits = torch.randn(2, 5, 3, generator=GENERATOR)
    labels = np.array([[0, 1, 2, -100, -100], [2, 2, -100, 0, 1]])
    expected = functional.cross_entropy(logits.movedim(2, 1), torch.tensor(labels))
    assert torch.equal(compute(labels, logits), expected)


def test_a_column_and_a_row_are_not_broadcast():
    answer, labels = torch.randn(6, 1, generator=GENERATOR), np.linspace(0, 1, 6)
    expected = functional.mse_loss(answer[:, 0], torch.tensor(labels).float())
    assert torch.allclose(compute(labels, answer), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_compared_in_float32(dtype):
    answer = LOGITS.detach().to(dtype)
    loss = compute(CLASSES, answer)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, compute(CLASSES, answer.float()))


def test_double_precision_stays():
    assert compute(TARGETS, LOGITS.detach().double()).dtype == torch.float64


def test_probabilities_are_no_logits():
    shares = LOGITS.detach().softmax(1)
    with collect_remarks() as remarks:
        assert torch.allclose(compute(CLASSES, shares), compute(CLASSES))
    assert remarks == ["the answer is from 0 to 1: the loss takes it as probabilities"]
    loss = objective()
    flags = LOGITS.detach().sigmoid()
    with collect_remarks() as remarks:
        assert torch.allclose(loss.compute({"y": flags}, FLAGS), compute(FLAGS), rtol=1e-5)
        assert torch.equal(loss.compute({"y": LOGITS}, FLAGS), compute(FLAGS))
    assert remarks[-1] == "the answer left 0 to 1: the loss takes it as logits from there on"


def test_a_loss_of_the_users(write):
    loss = compute(TARGETS.astype(np.float32), loss=f"{write(OWN)}own")
    assert loss.item() == pytest.approx((LOGITS - torch.tensor(TARGETS)).abs().mean().item())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "many",
            "returned no loss: expected one number that has a gradient, found a tensor of "
            "[6, 4] with a gradient. Return the mean over the batch, computed from `outputs` by "
            "torch",
        ),
        (
            "plain",
            "returned no loss: expected one number that has a gradient, found a float. "
            "Return the mean over the batch, computed from `outputs` by torch",
        ),
        ("fails", "failed: found KeyError: 'y'"),
    ],
)
def test_anything_else_is_an_error(write, name, message, says):
    reference = f"{write(OWN)}{name}"
    with says(UsageError, f"`{reference}(outputs, labels)` {message}"):
        compute(CLASSES, loss=reference)


@pytest.mark.parametrize(
    ("loss", "labels", "error", "message"),
    [
        (
            "auto",
            None,
            UsageError,
            "data has no labels to train on: expected (inputs, labels), found inputs alone. Give "
            "labels, your own finetune.hook, or set finetune.epochs to 0",
        ),
        (
            "bce",
            2 * TARGETS,
            RefusedError,
            "the labels of data do not fit the loss bce: expected values from 0 to 1, found 0 to "
            "2. Set finetune.loss to mse, or give labels of 0 and 1",
        ),
        (
            "cross_entropy",
            TARGETS,
            RefusedError,
            "the labels of data do not fit the loss cross_entropy: expected classes, or one "
            "probability per class with the sum 1, found values of the shape [6, 4]. Set "
            "finetune.loss to mse or bce",
        ),
        (
            "auto",
            CLASSES + 1,
            RefusedError,
            "the labels of data do not fit the model: expected whole numbers from 0 to 3, found 1 "
            "to 4. Count classes from 0, or name a loss of your own in finetune.loss",
        ),
    ],
)
def test_labels_that_do_not_fit_the_loss(loss, labels, error, message, says):
    with says(error, message):
        compute(labels, loss=loss)


def test_the_answer_by_name_or_number(says):
    assert choose_answer(["a", "b"], "") == "a"
    assert choose_answer(["a", "b"], "b") == "b"
    assert choose_answer(["a", "b"], "1") == "b"
    with says(
        UsageError,
        "verify.answer names no output: `logit`: expected `hidden`, `logits`, found `logit`. Did "
        "you mean `logits`?",
    ):
        choose_answer(["hidden", "logits"], "logit")


class Several(nn.Module):
    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x):
        return self.form(x)


@pytest.mark.parametrize(
    ("form", "names"),
    [
        (lambda x: x, ["output"]),
        (lambda x: (x, x), ["output_0", "output_1"]),
        (lambda x: {"hidden": x, "logits": x}, ["hidden", "logits"]),
    ],
)
def test_outputs_have_the_names_of_onnx(form, names):
    assert list(compute_outputs(Several(form), {"x": LOGITS})) == names


def test_a_model_without_an_output(says):
    with says(UsageError, "the model has no output to train on: expected a tensor"):
        objective().compute({}, CLASSES)
