"""Kinds of labels, by their values and the shape of the answer."""

import numpy as np
import pytest

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.data.labels import LabelReader

TOKENS = np.array([[1, 0, -100], [2, -100, -100]])


@pytest.mark.parametrize(
    ("labels", "shape", "kind", "axis", "remark"),
    [
        ([0, 1, 3], (3, 4), "classes", 1, None),
        ([[0], [1], [3]], (3, 4), "classes", 1, None),
        (
            [0.0, 1, 3],
            (3, 4),
            "classes",
            1,
            "labels are whole numbers in float64: taken as classes",
        ),
        (np.eye(4)[[0, 1]], (2, 4), "classes", 1, "labels are one-hot: taken as classes"),
        (
            [[1, 1], [0, 1]],
            (2, 2),
            "flags",
            1,
            "labels are zeros and ones, one per value of the answer: taken as flags",
        ),
        ([0.5, 2], (2, 1), "targets", 1, None),
        ([0.5, 2], (2,), "targets", 1, None),
        (
            [3, 5],
            (2,),
            "targets",
            1,
            "labels are int64, one per value of the answer: taken as targets",
        ),
        (TOKENS, (2, 3, 4), "classes", 2, "labels of -100 are left out"),
        (np.zeros((2, 5, 5), int), (2, 3, 5, 5), "classes", 1, None),
        (np.zeros((2, 1, 5, 5), int), (2, 3, 5, 5), "classes", 1, None),
        (
            np.zeros((2, 3), int),
            (2, 3, 3),
            "classes",
            2,
            "the classes are taken on axis 2 of the answer [2, 3, 3]",
        ),
    ],
)
def test_the_kind_of_labels(labels, shape, kind, axis, remark):
    with collect_remarks() as remarks:
        reader = LabelReader.choose(np.asarray(labels), shape, "data")
        reader.read(np.asarray(labels), shape)
    assert (reader.kind, reader.axis) == (kind, axis)
    assert remarks == ([remark] if remark else [])


@pytest.mark.parametrize(
    ("labels", "shape", "wanted", "message"),
    [
        (
            [1, 4],
            (2, 4),
            ("classes",),
            "expected whole numbers from 0 to 3, found 1 to 4. Count classes from 0, or name a "
            "metric of your own in verify.metric",
        ),
        (
            [0.5, 1],
            (2, 4),
            ("classes",),
            "expected whole numbers of the shape [2], for an answer of [2, 4], found float64[2]. "
            "Name the output that answers in verify.answer, or name a metric of your own in "
            "verify.metric",
        ),
        (
            [1, 2],
            (2, 4),
            ("flags", "targets"),
            "expected zeros and ones of the shape [2, 4] or numbers of the shape [2, 4], for an "
            "answer of [2, 4], found int64[2]. Name the output that answers in verify.answer, or "
            "name a metric of your own in verify.metric",
        ),
    ],
)
def test_labels_that_do_not_fit(labels, shape, wanted, message, says):
    labels = np.array(labels)
    with says(RefusedError, f"the labels of data do not fit the model: {message}"):
        LabelReader.choose(labels, shape, "data", wanted).read(labels, shape)


def test_labels_that_change_in_a_later_batch(says):
    reader = LabelReader.choose(np.array([0, 1]), (2, 4), "data")
    with says(
        RefusedError,
        "the labels of data do not fit the model: expected int64, or values that int64 holds "
        "exactly, found float64 with the value 1.5. Give labels in int64, or name a metric of "
        "your own in verify.metric",
    ):
        reader.read(np.array([0, 1.5]), (2, 4))
    flags = LabelReader.choose(np.array([[0, 1]]), (1, 2), "data", ("flags",))
    with says(
        RefusedError,
        "the labels of data do not fit the model: expected zeros and ones, found 0 to 2. Give "
        "flags, or name a metric of your own in verify.metric",
    ):
        flags.read(np.array([[0, 2]]), (1, 2))
