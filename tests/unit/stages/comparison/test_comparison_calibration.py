"""Tolerances from run-to-run errors, written as TOML."""

import tomllib

import numpy as np
import pytest

from prunepack.stages.comparison.calibration import FACTOR, Calibration, RunError, format_tolerances
from prunepack.stages.comparison.forms import PRUNED_FORMS, ModelForms
from prunepack.stages.comparison.tolerances import Tolerance, find_allowed_error
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.inputs.batches import InputBatch


def rules_of(text):
    tables = tomllib.loads(text).get("verify", {}).get("tolerances", [])
    return tuple(Tolerance(**table) for table in tables)


@pytest.mark.parametrize(
    ("error", "dtype", "value"),
    [
        (3e-7, "float32", 5e-6),
        (2e-7, "float32", 2e-6),
        (9e-7, "float32", 1e-5),
        (0.0, "float32", 5e-7),
        (0.0, "float16", 5e-3),
        (0.25, "int64", 5.0),
    ],
)
def test_ten_times_the_error_rounded_up(error, dtype, value):
    (rule,) = rules_of(format_tolerances({"y": RunError(error, "batch", dtype)}))
    assert rule == Tolerance(outputs="y", atol=value, rtol=value)


def test_it_says_where_the_error_is_from():
    text = format_tolerances({"y": RunError(3e-7, "float64", "float32")})
    assert text == (
        "# 10 × the largest run-to-run error of each output.\n"
        "[[verify.tolerances]]\n"
        'outputs = "y"  # float32, run-to-run error 3.0e-07 (float64)\n'
        "atol = 5e-06\n"
        "rtol = 5e-06\n"
    )


def test_whole_numbers_that_never_differ_stay_exact():
    assert rules_of(format_tolerances({"ids": RunError(0.0, "batch", "int64")})) == ()


def test_an_output_that_is_not_a_number_gets_no_tolerance():
    text = format_tolerances({"y": RunError(float("nan"), "batch", "float32")})
    assert "# y: no tolerance holds, it is NaN or infinite (batch)" in text
    assert rules_of(text) == ()


def test_names_that_look_like_globs_and_like_toml():
    name = 'a[0]*?"\\'
    (rule,) = rules_of(format_tolerances({name: RunError(1e-6, "batch", "float32")}))
    assert find_allowed_error((rule,), name, "float32").atol == 1e-5
    assert find_allowed_error((rule,), 'a0xy"\\', "float32").atol == 1e-4


def test_the_run_to_run_error_of_lenet_is_small_and_not_zero(chain):
    forms = ModelForms.open("cpu", chain.dense, chain.final, chain.onnx, chain.artifact)
    batch = InputBatch("random", random_inputs(forms.spec.inputs, 4, 0), 4)
    outputs = forms.run(batch.arrays, PRUNED_FORMS)

    def suggest():
        calibration = Calibration(forms)
        calibration.add(batch, outputs)
        return calibration.format_tolerances()

    (rule,) = rules_of(suggest())
    assert rule.outputs == "output"
    assert FACTOR * np.finfo(np.float32).eps < rule.atol < 1e-4
    assert suggest() == suggest()
