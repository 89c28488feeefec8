"""Accuracy of the four forms on the same samples, and the drop with its interval."""

import math

import numpy as np
import pytest

from prunepack.stages.comparison.forms import FORMS
from prunepack.stages.evaluation.accuracy import (
    accuracy_metrics,
    score_metrics,
)
from prunepack.stages.evaluation.named import choose_classes
from prunepack.stages.metrics.intervals import (
    compute_mcnemar,
    estimate_difference,
    estimate_proportion,
)

LABELS = np.arange(10) % 5


def right(**wrong):
    """Answers to 10 samples: all right except the listed ones."""
    found = {name: np.ones(10, bool) for name in FORMS}
    for name, places in wrong.items():
        found[name][list(places)] = False
    return found


def values(metrics):
    return {name: one.value for name, one in metrics.items()}


def test_each_form_with_its_interval():
    metrics = accuracy_metrics(right(dense=[0], onnx=[0, 1, 2]), np.ones(10, bool), LABELS)
    found = values(metrics)
    accuracies = [found[f"accuracy.{name}"] for name in FORMS]
    assert accuracies == [90, 100, 70, 100]
    one = metrics["accuracy.onnx"]
    assert (one.low, one.high) == tuple(100 * end for end in estimate_proportion(7, 10))
    assert (one.unit, one.note) == ("%", "10 test samples")
    assert found["accuracy.samples"] == 10
    assert found["agreement.torch_onnx"] == 100


def test_the_drop_is_to_the_worst():
    everyone = right(dense=[0, 9], pruned=[1], onnx=[1, 2, 3], artifact=[1, 2])
    metrics = accuracy_metrics(everyone, np.arange(10) < 9, LABELS)
    found = values(metrics)
    assert found["accuracy.drop"] == 10
    assert (found["accuracy.lost"], found["accuracy.gained"]) == (3, 2)
    drop = metrics["accuracy.drop"]
    assert (drop.low, drop.high) == tuple(100 * end for end in estimate_difference(3, 2, 10))
    assert (drop.unit, drop.note) == ("points", "dense against onnx, 10 test samples")
    assert found["accuracy.mcnemar"] == compute_mcnemar(3, 2)
    assert found["agreement.torch_onnx"] == 90


def test_a_gain_is_a_negative_drop():
    metrics = accuracy_metrics(right(dense=[0, 1]), np.ones(10, bool), LABELS)
    drop = metrics["accuracy.drop"]
    assert drop.value == -20
    assert drop.low < -20 < drop.high


@pytest.mark.parametrize(("wrong", "doubted"), [(range(1), False), (range(7), True)])
def test_a_model_that_only_guesses_is_doubted(wrong, doubted):
    metrics = accuracy_metrics(right(dense=wrong), np.ones(10, bool), LABELS)
    for name in FORMS:
        note = metrics[f"accuracy.{name}"].note
        assert note.startswith("10 test samples")
        assert (
            note.endswith(
                "; the dense model may be no better than the same answer for all: "
                "check that these are its labels"
            )
            is doubted
        )


def test_the_highest_output_is_the_answer():
    table = np.array([[0, 2, 1], [3, 0, 0], [np.nan, 1, 0], [-np.inf, 0, -1]])
    assert choose_classes(table, 1).tolist() == [1, 0, -1, 1]


def scores(**own):
    return {name: np.array(own.get(name, [1.0, 0.5, 0.75]), np.float64) for name in FORMS}


def test_scores():
    metrics = score_metrics(scores(dense=[1, 1, 1], artifact=[1, 0.25, 0.25]), "my.py:f1", 0)
    found = values(metrics)
    assert [found[f"metric.{name}"] for name in FORMS] == [1, 0.75, 0.75, 0.5]
    assert found["metric.drop"] == 0.5
    assert found["metric.samples"] == 3
    drop = metrics["metric.drop"]
    assert (drop.low, drop.high) == (0, 0.75)
    assert drop.note == "dense against artifact, my.py:f1, 3 test samples"
    assert metrics["metric.dense"].low == metrics["metric.dense"].high == 1


def test_a_form_that_could_not_be_scored_is_the_worst():
    metrics = score_metrics(scores(onnx=[math.nan] * 3), "my.py:f1", 0)
    assert math.isnan(metrics["metric.onnx"].value)
    assert math.isnan(metrics["metric.drop"].value)
    assert metrics["metric.drop"].note.startswith("dense against onnx")


def test_the_drop_of_an_error_is_positive_where_it_grows():
    metrics = score_metrics(scores(dense=[1, 1, 1], onnx=[1, 2, 3]), "mse", 0, is_error=True)
    assert metrics["metric.drop"].value == 1
    assert metrics["metric.drop"].note == "dense against onnx, mse, 3 test samples"


def test_without_a_dense_form_there_is_no_drop():
    found = scores()
    del found["dense"]
    metrics = score_metrics(found, "mse", 0)
    assert "metric.dense" not in metrics
    assert "metric.drop" not in metrics
