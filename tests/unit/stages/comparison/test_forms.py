"""The programs side by side: names for every tensor, and errors that say which model failed."""

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.errors import RefusedError
from prunepack.stages.comparison.forms import run_torch, training_layers

X = {"x": np.ones((2, 4), np.float32)}


class Answers(nn.Module):
    """Returns whatever it was made with."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer if len(x) else None


ONE, TWO = torch.zeros(2, 3), torch.ones(2)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (ONE, ["a"]),
        ((ONE, TWO), ["a", "b"]),
        ({"p": ONE, "q": [TWO, None, 3]}, ["a", "b"]),
        ((ONE, TWO, TWO), ["a", "b", "torch_2"]),
        ((), []),
    ],
)
def test_tensors_take_the_names_of_the_onnx_in_order(answer, names):
    assert list(run_torch(Answers(answer), X, ["a", "b"])) == names


def test_a_model_that_cannot_run_on_these_inputs(says):
    with says(
        RefusedError,
        "the torch model cannot run on x[2, 4]: found RuntimeError: "
        "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x3). "
        "Check load.inputs, and that the model takes a batch of any size.",
    ):
        run_torch(nn.Linear(5, 3), X, ["y"])


def test_an_error_without_a_word(says):
    class Silent(nn.Module):
        def forward(self, x):
            raise ValueError(*x[:0])

    with pytest.raises(RefusedError, match="found ValueError: no message"):
        run_torch(Silent(), X, ["y"])


def test_layers_in_training_are_counted_by_name():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    assert training_layers(model)["torch.training_layers"].value == 0
    model[1].train()
    found = training_layers(model, model)["torch.training_layers"]
    assert (found.value, found.note) == (2, "1, 1")
