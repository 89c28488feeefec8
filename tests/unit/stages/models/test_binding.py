"""Binding of inputs to arguments of forward(): by name, or refused."""

import pytest
from torch import nn

from prunepack.errors import UsageError
from prunepack.stages.models.binding import bind_names


def module(signature):
    """Return a module whose forward has this signature."""
    space = {"nn": nn}
    exec(f"class Net(nn.Module):\n    def forward(self, {signature}): return x", space)
    return space["Net"]()


@pytest.mark.parametrize(
    ("signature", "names", "positional", "keywords"),
    [
        ("ids, mask, types", ["ids", "types", "mask"], ["ids", "mask", "types"], {}),
        ("x, mask=None, *, y=None", ["x", "y"], ["x"], {"y": "y"}),
        ("x=None, mask=None, embeds=None", ["embeds"], [], {"embeds": "embeds"}),
        ("x, /, y", ["y", "x"], ["x", "y"], {}),
        ("*args", ["b", "a"], ["b", "a"], {}),
        ("x, *rest", ["a", "x", "b"], ["x", "a", "b"], {}),
        ("**kwargs", ["b", "a"], [], {"b": "b", "a": "a"}),
        ("x, **kwargs", ["a", "x"], ["x"], {"a": "a"}),
        ("*args, **kwargs", ["b", "a"], [], {"b": "b", "a": "a"}),
        ("*args, **kwargs", ["a"], ["a"], {}),
    ],
)
def test_inputs_bind_by_name(signature, names, positional, keywords):
    binding = bind_names(module(signature), names)
    assert list(binding.positional) == positional
    assert binding.keywords == keywords
    assert binding.guessed == {}
    values = {name: name.upper() for name in names}
    assert binding.arrange(values) == (
        [values[name] for name in positional],
        {argument: values[name] for name, argument in keywords.items()},
    )


@pytest.mark.parametrize(
    ("signature", "argument"), [("image", "image"), ("image, scale=1", "image"), ("x, *r", "x")]
)
def test_a_single_input_of_another_name_is_the_first_argument(signature, argument):
    binding = bind_names(module(signature), ["pixels"])
    assert binding.arrange({"pixels": 1}) == ([1], {})
    assert binding.guessed == {"pixels": argument}


@pytest.mark.parametrize(
    ("signature", "names", "message"),
    [
        (
            "ids, attention_mask",
            ["ids", "atention_mask"],
            "load.inputs does not fit forward(ids, attention_mask): expected `ids`, "
            "`attention_mask`, found `ids`, `atention_mask`. Did you mean `attention_mask`?",
        ),
        (
            "x, scale",
            ["x"],
            "load.inputs does not fit forward(x, scale): expected `x`, `scale`, found `x`. "
            "Add `scale` to load.inputs",
        ),
        (
            "x, scale",
            ["pixels"],
            "load.inputs does not fit forward(x, scale): expected `x`, `scale`, found `pixels`. "
            "Name each input in load.inputs as forward() does",
        ),
        (
            "x, mask=None",
            ["x", "debug"],
            "load.inputs does not fit forward(x, mask=None): expected `x`, optionally `mask`, "
            "found `x`, `debug`. Remove `debug` from load.inputs",
        ),
        (
            "x, *, y",
            ["x"],
            "load.inputs does not fit forward(x, y): expected `x`, `y`, found `x`. "
            "Add `y` to load.inputs",
        ),
    ],
)
def test_inputs_that_do_not_bind(signature, names, message, says):
    with says(UsageError, message):
        bind_names(module(signature), names)
