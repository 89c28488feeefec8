"""Tolerances from noise: measured between runs that ought to be equal, and written as TOML."""

import tomllib

import numpy as np
import pytest

from prunepack.stages.comparison.calibration import FACTOR, proposal, suggest
from prunepack.stages.comparison.forms import Programs
from prunepack.stages.comparison.tolerances import Tolerance, find_allowed_error
from prunepack.stages.data.samples import random_inputs


def rules_of(text):
    tables = tomllib.loads(text).get("verify", {}).get("tolerances", [])
    return tuple(Tolerance(**table) for table in tables)


@pytest.mark.parametrize(
    ("apart", "dtype", "value"),
    [
        (3e-7, "float32", 5e-6),
        (2e-7, "float32", 2e-6),
        (9e-7, "float32", 1e-5),
        (0.0, "float32", 5e-7),
        (0.0, "float16", 5e-3),
        (0.25, "int64", 5.0),
    ],
)
def test_ten_times_the_noise_rounded_up(apart, dtype, value):
    (rule,) = rules_of(proposal({"y": (apart, "batch", dtype)}))
    assert rule == Tolerance(outputs="y", atol=value, rtol=value)


def test_it_says_where_the_noise_is_from():
    text = proposal({"y": (3e-7, "float64", "float32")})
    assert text == (
        "# 10 × the largest difference between runs that ought to be equal.\n"
        "[[verify.tolerances]]\n"
        'outputs = "y"  # float32, noise 3.0e-07 (float64)\n'
        "atol = 5e-06\n"
        "rtol = 5e-06\n"
    )


def test_whole_numbers_that_never_differ_stay_exact():
    assert rules_of(proposal({"ids": (0.0, "batch", "int64")})) == ()


def test_an_output_that_is_not_a_number_gets_no_tolerance():
    text = proposal({"y": (float("nan"), "batch", "float32")})
    assert "# y: no tolerance holds, it is NaN or infinite (batch)" in text
    assert rules_of(text) == ()


def test_names_that_look_like_globs_and_like_toml():
    name = 'a[0]*?"\\'
    (rule,) = rules_of(proposal({name: (1e-6, "batch", "float32")}))
    assert find_allowed_error((rule,), name, "float32").atol == 1e-5
    assert find_allowed_error((rule,), 'a0xy"\\', "float32").atol == 1e-4


def test_the_noise_of_lenet_is_small_and_not_zero(chain):
    programs = Programs.open("cpu", chain.dense, chain.final, chain.onnx, chain.artifact)
    batch = random_inputs(programs.spec.inputs, 4, 0)
    (rule,) = rules_of(suggest(programs, chain.onnx.model, [batch]))
    assert rule.outputs == "output"
    assert FACTOR * np.finfo(np.float32).eps < rule.atol < 1e-4
    assert suggest(programs, chain.onnx.model, [batch]) == suggest(
        programs, chain.onnx.model, [batch]
    )
