"""Choice of outputs: by path and by name; the others are left out and told."""

import pytest
import torch

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.exporting.outputs import choose_outputs

T = torch.zeros(1)
KEYED = {"logits": T, "cache": [(T, T)], "loss": None}
PLAIN = (T, (T, T))


def choose(result, chosen):
    with collect_remarks() as remarks:
        return choose_outputs(result, chosen), remarks


@pytest.mark.parametrize(
    ("result", "chosen", "outputs", "left_out"),
    [
        (KEYED, (), {n: n for n in ("logits", "cache.0.0", "cache.0.1")}, []),
        (KEYED, ("logits",), {"logits": "logits"}, ["cache.0.0", "cache.0.1"]),
        (KEYED, ("cache",), {"cache.0.0": "cache.0.0", "cache.0.1": "cache.0.1"}, ["logits"]),
        (KEYED, {"y": "logits"}, {"y": "logits"}, ["cache.0.0", "cache.0.1"]),
        (PLAIN, ("1.1", "0"), {"output_0": "1.1", "output_1": "0"}, ["1.0"]),
        (PLAIN, ("1.0",), {"output": "1.0"}, ["0", "1.1"]),
        (PLAIN, ("output_2",), {"output_2": "1.1"}, ["0", "1.0"]),
        (T, ("output",), {"output": ""}, []),
    ],
)
def test_chosen_outputs(result, chosen, outputs, left_out):
    found, remarks = choose(result, chosen)
    assert list(found.items()) == list(outputs.items())
    assert remarks == [f"output `{path}` is left out" for path in left_out]


def test_values_that_are_no_tensors_are_left_out():
    _, remarks = choose((T, 7, 0.5), ())
    assert remarks == [
        "output 1 is the number 7 and is left out",
        "output 2 is the number 0.5 and is left out",
    ]
    _, remarks = choose({"y": T, "meta": "text"}, ())
    assert remarks == ["output `meta` is a str and is left out"]


@pytest.mark.parametrize(
    ("chosen", "hint"),
    [(("logit",), "Did you mean `logits`?"), ({"a": "x"}, "Choose among the outputs of the model")],
)
def test_an_output_that_does_not_exist(chosen, hint, says):
    entry = next(iter(chosen.values())) if isinstance(chosen, dict) else chosen[0]
    with says(
        UsageError,
        f"export.outputs names no output: `{entry}`: expected `logits`, `cache.0.0`, `cache.0.1`, "
        f"found `{entry}`. {hint}",
    ):
        choose(KEYED, chosen)
