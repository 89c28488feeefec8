"""Tolerances: the first rule that matches, else by dtype; a rule about nothing is an error."""

import pytest
from pydantic import ValidationError

from prunepack.errors import UsageError
from prunepack.stages.comparison.tolerances import (
    DEFAULTS,
    AllowedError,
    Tolerance,
    check_rules,
    find_allowed_error,
)


@pytest.mark.parametrize(
    ("dtype", "both"),
    [("float64", 1e-7), ("float32", 1e-4), ("float16", 1e-2), ("int64", 0), ("bool", 0)],
)
def test_by_dtype(dtype, both):
    assert find_allowed_error((), "y", dtype) == AllowedError(both, both)


def test_the_first_rule_that_matches():
    rules = (
        Tolerance(outputs="head.*", atol=0.5),
        Tolerance(outputs="h*", rtol=0.25, nonfinite=True),
    )
    usual = DEFAULTS["float32"]
    assert find_allowed_error(rules, "head.1", "float32") == AllowedError(0.5, usual)
    assert find_allowed_error(rules, "head", "float32") == AllowedError(usual, 0.25, nonfinite=True)
    assert find_allowed_error(rules, "tail", "float32") == AllowedError(usual, usual)
    assert find_allowed_error(rules, "Head", "float32") == AllowedError(usual, usual)


@pytest.mark.parametrize("wrong", [{"atol": -1}, {"rtol": float("nan")}, {"atol": float("inf")}])
def test_a_tolerance_is_a_number_from_zero(wrong):
    with pytest.raises(ValidationError):
        Tolerance(**wrong)


def test_a_rule_about_no_output(says):
    check_rules((Tolerance(), Tolerance(outputs="log*")), ["logits"])
    with says(
        UsageError,
        "verify.tolerances[2]: no output is named `logit`. Did you mean `logits`?",
    ):
        check_rules((Tolerance(), Tolerance(outputs="logit")), ["logits", "boxes"])
