"""The user's metric: called as documented, and what it returns is checked."""

import numpy as np
import pytest

from prunepack.errors import UsageError
from prunepack.stages.evaluation.own_metric import open_metric

CODE = """
def right(outputs, labels):
    assert list(outputs) == ["y"]
    return outputs["y"].argmax(1) == labels


def fails(outputs, labels):
    return outputs["z"]


def one(outputs, labels):
    return 0.5


def nan(outputs, labels):
    return [float("nan")] * len(labels)


def words(outputs, labels):
    return ["good"] * len(labels)
"""
INVALID = "` returned invalid scores: expected one score for each of 2 samples"
Y, LABELS = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 1])


def test_a_score_for_each_sample(write):
    scores = open_metric(f"{write(CODE)}right")({"y": Y}, LABELS)
    assert scores.tolist() == [1, 0]
    assert scores.dtype == np.float64


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fails", "` failed: found KeyError: 'z'"),
        ("one", f"{INVALID}, found ()"),
        ("nan", f"{INVALID}, found NaN among them"),
        ("words", "` failed: found ValueError: could not convert string to float: 'good'"),
    ],
)
def test_anything_else_is_an_error(write, name, message, says):
    where = write(CODE)
    with says(UsageError, f"`{where}{name}(outputs, labels){message}"):
        open_metric(f"{where}{name}")({"y": Y}, LABELS)


def test_a_metric_that_is_not_there(write):
    with pytest.raises(UsageError, match=r"defines no `wright`\. Did you mean `right`\?"):
        open_metric(f"{write(CODE)}wright")
