"""The dense model must be better than the best constant answer."""

import numpy as np
import pytest
from sklearn import metrics as sk

from prunepack.stages.evaluation.evaluation import Evaluation
from prunepack.stages.metrics.quality import CONSTANT, find_doubt

RANDOM = np.random.default_rng(0)


def evaluate(answer, labels, metric=""):
    evaluation = Evaluation(("dense", "artifact"), ("y",), metric, 0)
    for part in range(0, len(labels), 100):
        batch = slice(part, part + 100)
        outputs = {form: {"y": answer[batch]} for form in ("dense", "artifact")}
        evaluation.add(outputs, labels[batch], "data")
    return evaluation.metrics()


CLASSES = RANDOM.integers(0, 4, 400)
FLAGS = RANDOM.integers(0, 2, (400, 3))
VALUES = RANDOM.standard_normal((400, 2))
LOGITS = np.eye(4, dtype=np.float32)
SCORES = np.where(FLAGS, 3.0, -3.0)
CASES = {
    "accuracy": (LOGITS[CLASSES], CLASSES),
    "top5": (np.eye(20)[np.repeat(CLASSES * 5, 1)], CLASSES * 5),
    "f1": (SCORES, FLAGS),
    "iou": (LOGITS[CLASSES], CLASSES),
    "mae": (VALUES + 0.1, VALUES),
    "mse": (VALUES + 0.1, VALUES),
    "pearson": (VALUES + 0.1, VALUES),
}


@pytest.mark.parametrize("metric", [name for name in CASES if name != "top5"])
def test_a_trained_model_is_beyond_doubt(metric):
    found = evaluate(*CASES[metric], metric)
    group = "accuracy" if metric == "accuracy" else "metric"
    assert found[f"{group}.over_constant"].low > 0
    assert find_doubt(f"{group}.artifact", found) == ""


@pytest.mark.parametrize("metric", [name for name in CASES if name != "top5"])
@pytest.mark.parametrize("fault", ["shuffled", "constant", "off by one"])
def test_a_model_that_knows_nothing_is_in_doubt(metric, fault):
    answer, labels = CASES[metric]
    given = {
        "shuffled": RANDOM.permutation(answer),
        "constant": np.repeat(answer[:1], len(answer), 0) + 0.0,
        "off by one": np.roll(answer, 1, 0),
    }[fault]
    found = evaluate(given, labels, metric)
    group = "accuracy" if metric == "accuracy" else "metric"
    assert find_doubt(f"{group}.artifact", found) == CONSTANT
    assert find_doubt(f"{group}.drop", found) == CONSTANT
    assert find_doubt(f"{group}.samples", found) == ""


def test_a_test_set_of_one_class_is_in_doubt():
    found = evaluate(np.repeat(LOGITS[:1], 100, 0), np.zeros(100, np.int64))
    assert found["accuracy.dense"].value == 100
    assert found["accuracy.over_constant"].value == 0
    assert find_doubt("accuracy.drop", found) == CONSTANT


def test_values_of_the_best_constant_answer():
    truth = np.array([0] * 80 + [1] * 20)
    always = np.zeros(100, int)
    expected = {
        "accuracy": 80,
        "iou": sk.jaccard_score(truth, always, average="macro", zero_division=0),
    }
    for metric, value in expected.items():
        found = evaluate(np.eye(2)[truth] * 2, truth, metric)
        group = "accuracy" if metric == "accuracy" else "metric"
        gain = found[f"{group}.dense"].value - found[f"{group}.over_constant"].value
        assert gain == pytest.approx(value)
    targets = RANDOM.standard_normal((100, 1)) + 5
    found = evaluate(targets, targets, "mse")
    assert found["metric.over_constant"].value == pytest.approx(targets.var())
