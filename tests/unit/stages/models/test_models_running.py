"""Running a torch module: names for every tensor, and errors that say which model failed."""

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.errors import RefusedError
from prunepack.stages.models.running import compute_tensors, run_module

X = {"x": np.ones((2, 4), np.float32)}


class Answers(nn.Module):
    """A module with a fixed result."""

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
    assert list(run_module(Answers(answer), X, ["a", "b"])) == names


def test_a_model_that_cannot_run_on_these_inputs(says):
    with says(
        RefusedError,
        "the torch model cannot run on x[2, 4]: found RuntimeError: "
        "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x3). "
        "Check load.inputs, and that the model takes a batch of any size",
    ):
        run_module(nn.Linear(5, 3), X, ["y"])


def test_an_error_without_a_word(says):
    class Silent(nn.Module):
        def forward(self, x):
            raise ValueError(*x[:0])

    with pytest.raises(RefusedError, match="found ValueError: no message"):
        run_module(Silent(), X, ["y"])


def test_the_result_of_a_module_is_flattened_into_its_tensors():
    first, second = compute_tensors(Answers({"p": ONE, "q": [TWO, None, 3]}), X)
    assert first is ONE
    assert second is TWO


def test_an_output_whose_dtype_numpy_does_not_have():
    answer = Answers(ONE.to(torch.bfloat16))
    assert compute_tensors(answer, X)[0].dtype == torch.bfloat16
    with pytest.raises(RefusedError, match=r"cannot run on x.*: found TypeError: .*BFloat16"):
        run_module(answer, X, ["y"])


class Attention(nn.Module):
    """Attention of four heads, by the function or by the layer."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.layer = nn.MultiheadAttention(8, 4, batch_first=True)

    def forward(self, x):
        if self.kind == "layer":
            return self.layer(x, x, x, need_weights=False)[0]
        q = x.reshape(*x.shape[:2], 4, 2).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(q, q, q, is_causal=self.kind == "causal")


@pytest.mark.parametrize("kind", ["layer", "function", "causal"])
def test_attention_passes_nan_on(kind):
    """The definition gives NaN for a query that is NaN; torch's fused kernel gives 0."""
    torch.manual_seed(0)
    x = np.ones((2, 5, 8), np.float32)
    x[0, 4] = np.nan
    (out,) = run_module(Attention(kind).eval(), {"x": x}, ["y"]).values()
    last = out[0, 4] if kind == "layer" else out[0, :, 4]
    assert np.isnan(last).all()
    assert np.isfinite(out[1]).all()
