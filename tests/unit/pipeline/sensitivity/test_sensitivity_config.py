"""Settings of sensitivity: amounts, methods, goals, and their errors."""

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.cli.options import make_config
from prunepack.pipeline.recipe import make_recipe
from prunepack.pipeline.sensitivity.config import Goal, SensitivityConfig


@pytest.mark.parametrize(
    "given", [(0.9, 0.5), ("0.9,0.5",), ["0.9", " 0.5 "], "0.5, 0.9", (0.5, 0.9, 0.9)]
)
def test_amounts_are_sorted_and_each_is_there_once(given):
    assert SensitivityConfig(amounts=given).amounts == (0.5, 0.9)


@pytest.mark.parametrize("amount", ["1.5", "-0.1", "0", "nan"])
def test_an_amount_that_is_not_a_fraction(amount):
    with pytest.raises(UsageError) as refused:
        make_config(SensitivityConfig, {"amounts": (f"0.5,{amount}",)})
    assert "an amount is a fraction above 0.0 and up to 1.0, found" in refused.value.what or (
        amount == "nan"
    )


@pytest.mark.parametrize("text", ["abc", "abc,0.5", "0.5,,x", "--"])
def test_an_amount_that_is_not_a_number_is_one_problem(text):
    with pytest.raises(UsageError) as refused:
        make_config(SensitivityConfig, {"amounts": (text,)})
    assert "should be a valid number" in refused.value.what
    assert ";" not in refused.value.what


@pytest.mark.parametrize("table", [{"amounts": []}, {"methods": []}, {"amounts": ","}])
def test_an_empty_list_is_still_too_short(table):
    with pytest.raises(UsageError) as refused:
        make_recipe("x", "x.toml", {"sensitivity": table})
    assert "should have at least 1 item" in refused.value.found


@pytest.mark.parametrize("amount", [1.5, -1, 0])
def test_a_recipe_with_a_wrong_amount(amount):
    with pytest.raises(UsageError) as refused:
        make_recipe("x", "x.toml", {"sensitivity": {"amounts": [0.5, amount]}})
    assert refused.value.found == (
        f"sensitivity.amounts: an amount is a fraction above 0.0 and up to 1.0, found {amount:g}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sparsity=2", "a sparsity lies between 0.0 and 1.0, found 2"),
        ("drop=0", "a goal is above 0, found 'drop=0'"),
        ("speed=2", "expected sparsity=0.9, drop=0.5 or bytes=20000, found 'speed=2'"),
        ("0.9", "expected sparsity=0.9, drop=0.5 or bytes=20000, found '0.9'"),
    ],
)
def test_a_goal_of_another_form(text, message):
    with pytest.raises(ValueError, match=r"goal|sparsity") as refused:
        SensitivityConfig(goal=text)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("sparsity=0.9", "sparsity", 0.9), (" drop = 1 ", "drop", 1), ("bytes=2e4", "bytes", 20000)],
)
def test_a_goal(text, kind, value):
    assert Goal.parse(text) == Goal(kind=kind, value=value)


def test_an_unknown_method():
    with pytest.raises(UsageError) as refused:
        make_config(SensitivityConfig, {"methods": ("wandas",)})
    assert "no pruning method is named `wandas`" in refused.value.what
    assert "Did you mean `wanda`?" in refused.value.what
