"""Repeated samples count once, and a metric must read the outputs."""

import numpy as np
import pytest

from prunepack.stages.evaluation.evaluation import Evaluation
from prunepack.stages.metrics.quality import INDIFFERENT, find_doubt

LABELS = np.arange(20) % 4
ANSWER = np.eye(4, dtype=np.float32)[LABELS]
ANSWER[0] = ANSWER[1]
FRESH = np.arange(2000) < 20


def evaluate(answer, labels, metric="", fresh=None, dense=None):
    evaluation = Evaluation(("dense", "artifact"), ("y",), metric, 0)
    outputs = {"dense": {"y": answer if dense is None else dense}, "artifact": {"y": answer}}
    evaluation.add(outputs, labels, "data", fresh)
    return evaluation.metrics()


@pytest.mark.parametrize("metric", ["accuracy", "f1", "mse", "cosine_to_dense"])
def test_repeats_do_not_narrow_an_interval(metric):
    labels = ANSWER + 0.1 if metric == "mse" else LABELS
    once = evaluate(ANSWER, labels, metric, dense=ANSWER + 0.5)
    repeated = evaluate(
        np.tile(ANSWER, (100, 1)),
        np.concatenate([labels] * 100),
        metric,
        FRESH,
        np.tile(ANSWER + 0.5, (100, 1)),
    )
    group = "accuracy" if metric == "accuracy" else "metric"
    assert repeated[f"{group}.samples"].value == 20
    assert repeated[f"{group}.samples"].note == "distinct ones of 2,000"
    assert "2,000 test samples, 20 of them distinct" in repeated[f"{group}.artifact"].note
    for name in (f"{group}.artifact", f"{group}.drop"):
        assert repeated[name].value == pytest.approx(once[name].value)
        assert repeated[name].low == pytest.approx(once[name].low, abs=0.02)
        assert repeated[name].high == pytest.approx(once[name].high, abs=0.02)


def test_an_interval_contains_the_value_of_all_samples():
    answer = np.tile(ANSWER[1:2], (2000, 1))
    found = evaluate(answer, np.array([0] * 20 + [1] * 1980), fresh=FRESH)
    metric = found["accuracy.artifact"]
    assert metric.value == 99
    assert metric.low < 20
    assert metric.high == 99


METRICS = {
    "constant": ("return np.ones(len(labels))", False),
    "labels only": ("return labels / 4", False),
    "right answers": ("return outputs['y'].argmax(1) == labels", True),
    "without labels": ("return outputs['y'].max(1)", True),
    "strict": ("assert (outputs['y'] >= 0).all()\n    return np.ones(len(labels))", True),
    "size of the outputs": ("return np.full(len(labels), outputs['y'].shape[1])", False),
}


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_must_read_the_outputs(name, tmp_path):
    body, reads = METRICS[name]
    path = tmp_path / "own.py"
    path.write_text(f"import numpy as np\n\n\ndef score(outputs, labels):\n    {body}\n")
    found = evaluate(ANSWER, LABELS, f"{path}:score")
    assert found["metric.responds"].value == reads
    assert find_doubt("metric.artifact", found) == ("" if reads else INDIFFERENT)


def test_a_metric_on_one_sample_or_one_class_may_read_the_outputs(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("def score(outputs, labels):\n    return outputs['y'].argmax(1) == labels\n")
    for count in (1, 5):
        answer = np.tile(ANSWER[1:2], (count, 1))
        found = evaluate(answer, np.ones(count, np.int64), f"{path}:score")
        assert found["metric.responds"].value == 1
