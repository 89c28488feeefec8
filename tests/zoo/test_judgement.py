"""Judgement of runs: every field that a kind declares can fail it."""

import json
from types import SimpleNamespace

import pytest

from tests.zoo.expectations import Expectation, Refusal
from tests.zoo.judgement import differences
from tests.zoo.runs import Run

ERROR = {"what": "`a.pth` is odd", "expected": "even", "found": "3", "hint": None}
VALUES = {"sparsity.weights": {"value": 50.0, "note": "half"}, "nan": {"value": float("nan")}}
RELEASE = SimpleNamespace(
    folder=None,
    report={"metrics": VALUES},
    notes="1 mask found",
    inputs={"x": ["batch", 8]},
    outputs=["output"],
)


def kind(**expectation):
    return SimpleNamespace(
        **{"REFUSED": None, "PASSES": None, "fill": lambda text: text} | expectation
    )


def refused(error=ERROR, code=4, err=""):
    return Run(code, json.dumps({"error": error}), err)


def test_a_refusal_word_by_word_has_no_difference():
    refusal = Refusal("`a.pth` is odd", None, "even", "3")
    assert differences(kind(REFUSED=refusal), refused(), RELEASE) == []


@pytest.mark.parametrize(
    ("run", "difference"),
    [
        (refused(ERROR | {"what": "a.pth is odd"}), "what"),
        (refused(ERROR | {"hint": "Add 1"}), "hint"),
        (refused(ERROR | {"found": "4"}), "found"),
        (refused(code=2), "exit code 2, expected 4"),
        (refused(code=3), "a bug of prunepack"),
        (refused(err="Traceback (most recent call last):"), "a traceback was printed"),
        (Run(4, "", "error: `a.pth` is odd"), "no error object"),
        (Run(4, "loading\n{}", ""), "not one JSON document"),
    ],
)
def test_a_refusal_in_other_words_differs(run, difference):
    found = differences(kind(REFUSED=Refusal("`a.pth` is odd", None, "even", "3")), run, RELEASE)
    assert any(difference in text for text in found)


@pytest.mark.parametrize(
    ("expectation", "difference"),
    [
        (Expectation(sparsity=50, told=("1 mask",), outputs=["output"]), None),
        (Expectation(code=1), "exit code 0, expected 1"),
        (Expectation(sparsity=52), "sparsity.weights is 50.0"),
        (Expectation(accuracy=99), "accuracy.artifact is None"),
        (Expectation(metrics={"sparsity.weights": None}), "expected None"),
        (Expectation(metrics={"nan": (0.0, 1.0)}), "nan is nan"),
        (Expectation(metrics={"nan": 1.0}), "nan is nan"),
        (Expectation(told=("2 masks",)), "not told: '2 masks'"),
        (Expectation(untold=("mask found",)), "told: 'mask found'"),
        (Expectation(inputs={"x": [2, 8]}), "inputs"),
        (Expectation(outputs=["logits"]), "outputs"),
    ],
)
def test_a_release_is_held_to_every_field(expectation, difference, tmp_path):
    (tmp_path / "report.json").touch()
    release = SimpleNamespace(**vars(RELEASE) | {"folder": tmp_path})
    found = differences(kind(PASSES=expectation), Run(0, "{}", ""), release)
    assert (found == []) if difference is None else any(difference in text for text in found)


def test_a_run_without_a_report_differs(tmp_path):
    release = SimpleNamespace(**vars(RELEASE) | {"folder": tmp_path})
    found = differences(kind(PASSES=Expectation()), Run(0, "{}", ""), release)
    assert found[-1].startswith("exit code 0")
