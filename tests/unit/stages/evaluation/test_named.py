"""Named metrics: their values are those of scikit-learn and SciPy, whatever the batches."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from prunepack.errors import RefusedError
from prunepack.stages.comparison.forms import FORMS
from prunepack.stages.evaluation.judges import CosineJudge, NamedJudge

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(60, 9)).astype(np.float32)
CLASSES = GENERATOR.integers(0, 8, 60)  # class 8 never occurs
FLAGS = (GENERATOR.random((60, 9)) < 0.4).astype(np.int64)
TARGETS = (LOGITS + GENERATOR.normal(size=(60, 9))).astype(np.float64)
MAPS = GENERATOR.normal(size=(60, 4, 5, 6)).astype(np.float32)
MASKS = GENERATOR.integers(0, 4, (60, 5, 6))
TOKENS = GENERATOR.normal(size=(60, 7, 4)).astype(np.float32)
TAGS = np.where(GENERATOR.random((60, 7)) < 0.3, -100, GENERATOR.integers(0, 4, (60, 7)))
RANKS = LOGITS.argmax(1)


def judged(name, answer, labels, size=17, others=None):
    """Return the metrics of all forms that give `answer`, in batches of `size`."""
    judge = NamedJudge(name, 0)
    for start in range(0, len(answer), size):
        part = slice(start, start + size)
        answers = dict.fromkeys(FORMS, answer[part])
        answers |= {form: other[part] for form, other in (others or {}).items()}
        judge.add({}, answers, labels[part], "data")
    return judge.metrics()


def kept(array):
    return np.moveaxis(array, -1, 0)[:, TAGS != -100].T


CASES = [
    ("f1", LOGITS, CLASSES, sk.f1_score(CLASSES, RANKS, average="macro", zero_division=0)),
    ("f1", LOGITS, FLAGS, sk.f1_score(FLAGS, LOGITS > 0, average="macro")),
    (
        "iou",
        MAPS,
        MASKS,
        sk.jaccard_score(MASKS.ravel(), MAPS.argmax(1).ravel(), average="macro"),
    ),
    ("mae", LOGITS, TARGETS, sk.mean_absolute_error(TARGETS, LOGITS)),
    ("mse", LOGITS, TARGETS, sk.mean_squared_error(TARGETS, LOGITS)),
    (
        "pearson",
        LOGITS,
        TARGETS + 1e6,  # whose variance is small beside their mean
        np.mean([stats.pearsonr(TARGETS[:, k], LOGITS[:, k]).statistic for k in range(9)]),
    ),
    ("top5", LOGITS, CLASSES, 100 * sk.top_k_accuracy_score(CLASSES, LOGITS, k=5, labels=range(9))),
]


@pytest.mark.parametrize(("name", "answer", "labels", "expected"), CASES)
@pytest.mark.parametrize("size", [7, 60])
def test_values_are_those_of_the_libraries(name, answer, labels, expected, size):
    metrics = judged(name, answer, labels, size)
    for form in FORMS:
        found = metrics[f"metric.{form}"]
        assert found.value == pytest.approx(expected, rel=1e-6)
        assert found.low <= found.value <= found.high
        assert found.low < found.high
    assert metrics["metric.drop"].value == 0
    assert metrics["metric.samples"].value == 60


@pytest.mark.parametrize(("name", "answer", "labels", "expected"), CASES)
def test_a_form_that_is_worse_has_a_positive_drop(name, answer, labels, expected):
    worse = np.roll(answer, 1, 0) if name in {"mae", "mse"} else -answer
    metrics = judged(name, answer, labels, others={"onnx": worse})
    better = judged(name, answer, labels)["metric.dense"].value
    change = (better - metrics["metric.onnx"].value) * (-1 if name in {"mae", "mse"} else 1)
    assert metrics["metric.drop"].value == pytest.approx(max(change, 0))
    assert ("dense against onnx" in metrics["metric.drop"].note) is (change > 0)


def test_accuracy_of_tokens_leaves_some_out():
    metrics = judged("accuracy", TOKENS, TAGS)
    expected = 100 * sk.accuracy_score(TAGS[TAGS != -100], kept(TOKENS).argmax(1))
    assert metrics["accuracy.dense"].value == pytest.approx(expected)
    assert metrics["accuracy.dense"].low < expected < metrics["accuracy.dense"].high
    assert metrics["accuracy.drop"].unit == "points"
    assert metrics["accuracy.samples"].value == 60


def test_accuracy_of_single_flags():
    logits, labels = LOGITS[:, :1], FLAGS[:, 0]
    metrics = judged("accuracy", logits, labels)
    assert metrics["accuracy.dense"].value == pytest.approx(
        100 * sk.accuracy_score(labels, logits[:, 0] > 0)
    )
    assert metrics["agreement.torch_onnx"].value == 100


def test_probabilities_are_cut_at_one_half():
    shares = 1 / (1 + np.exp(-LOGITS))
    expected = sk.f1_score(FLAGS, LOGITS > 0, average="macro")
    assert judged("f1", shares, FLAGS)["metric.dense"].value == pytest.approx(expected)


def test_many_classes_are_counted_sparsely():
    answer, labels = GENERATOR.normal(size=(40, 300)), GENERATOR.integers(0, 300, 40)
    labels[:20] = answer[:20].argmax(1)
    expected = sk.f1_score(labels, answer.argmax(1), average="macro", zero_division=0)
    assert judged("f1", answer, labels)["metric.dense"].value == pytest.approx(expected)


@pytest.mark.parametrize("name", ["accuracy", "top5", "mse"])
def test_nan_and_missing_answers_are_worst(name):
    labels = RANKS if name != "mse" else LOGITS
    broken = np.full_like(LOGITS, np.nan)
    group = "accuracy" if name == "accuracy" else "metric"
    for other in (broken, broken[:, :3]):
        metrics = judged(name, LOGITS, labels, others={"artifact": other})
        value = metrics[f"{group}.artifact"].value
        assert np.isnan(value) if name == "mse" else value == 0


def test_values_without_variance_have_no_correlation():
    for answer, labels in ((LOGITS, np.full((60, 9), 0.1)), (np.full((60, 9), 0.1), TARGETS)):
        assert np.isnan(judged("pearson", answer, labels)["metric.dense"].value)


def test_labels_that_change_their_kind(says):
    judge = NamedJudge("accuracy", 0)
    one_hot = np.eye(9)[CLASSES]
    judge.add({}, {"dense": LOGITS}, one_hot, "data")
    with says(
        RefusedError,
        "the labels of data do not fit the model: expected one 1 per sample, as in the first "
        "batch, found 0 to 1. Name a metric of your own in verify.metric",
    ):
        judge.add({}, {"dense": LOGITS}, FLAGS, "data")


def test_cosines_to_the_dense_answers():
    judge = CosineJudge(0)
    dense = np.array([[1.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    answers = {"dense": dense, "onnx": np.array([[0.0, 2.0], [0.0, 0.0], [6.0, 8.0]])}
    judge.add({}, answers, dense, "data")
    metrics = judge.metrics()
    assert metrics["metric.dense"].value == 1
    assert metrics["metric.onnx"].value == pytest.approx(2 / 3)
    assert metrics["metric.drop"].value == pytest.approx(1 / 3)
