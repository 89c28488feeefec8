"""Tensors that differ between two models."""

import hashlib

import numpy as np
import pytest
from artifact_crafting import Sample, frame

from prunepack import Artifact
from prunepack.coding.dtypes import DTYPES
from prunepack.diff.content import PackedContent, TensorSpec
from prunepack.diff.tensors import compare
from prunepack.errors import CorruptArtifactError

FLOAT = DTYPES["float32"]


class Editable(Sample):
    """A sample whose weights, biases and literal bytes can be replaced."""

    def set(self, *, w=None, b=None, front=b"front"):
        self.w = self.w if w is None else np.asarray(w, "<f4").reshape(4, 3)
        self.b = self.b if b is None else np.asarray(b, "<f4")
        places = np.flatnonzero(self.w.view("<u4"))
        gaps = np.diff(places, prepend=-1) - 1
        self.put(0, "gaps", gaps.astype("<u2"))
        self.put(0, "values", self.w.ravel()[places])
        self.put(1, "elements", np.append(self.b, self.scalar))
        self.store("literal", frame(front + b"mid"))
        parts = [front, self.w.tobytes(), b"mid", self.b.tobytes(), self.scalar.tobytes()]
        self.file["sha256"] = hashlib.sha256(b"".join(parts)).hexdigest()
        return self

    def rename(self, old, new):
        for tensor in self.pool["tensors"]:
            tensor["name"] = new if tensor["name"] == old else tensor["name"]
        self.file["segments"] = [new if s == old else s for s in self.file["segments"]]
        return self


@pytest.fixture
def differ(tmp_path):
    """Compare two samples."""

    def run(left, right, progress=lambda _done, _total: None):
        paths = [left.write(tmp_path / "left"), right.write(tmp_path / "right")]
        with Artifact.open(paths[0]) as a, Artifact.open(paths[1]) as b:
            return compare(PackedContent(a), PackedContent(b), progress)

    return run


def test_equal_artifacts(differ):
    found = differ(Sample(), Sample())
    assert not found
    assert (found.literals, found.formal, found.values, found.same) == (False, (), {}, 3)


def test_the_same_content_stored_in_another_way_is_equal(differ):
    other = Sample()
    other.put(1, "elements", other.elements[12:], coder="pcodec")
    other.file["name"] = "other.onnx"
    assert not differ(Sample(), other)


def test_only_the_graph_differs(differ):
    found = differ(Sample(), Editable().set(front=b"Front"))
    assert (found.literals, found.formal, found.values, found.same) == (True, (), {}, 3)
    assert found


def test_values_that_differ_come_in_order_of_their_weight(differ):
    w = Sample().w.copy()
    w[0, 1], w[3, 0] = 0, 0.125
    found = differ(Sample(), Editable().set(w=w, b=[1, 2, 3, 4, 5.5]))
    assert list(found.values) == ["w", "b"]
    values = found.values["w"]
    assert (values.changed, values.newly_zero, values.revived) == (2, 1, 1)
    assert (values.largest, values.largest_at) == (1.5, 1)
    assert found.values["b"].largest == 0.5
    assert not found.literals


def test_tensors_that_came_went_and_changed_their_form(differ):
    other = Editable().set(b=[0, 2, 3, 4, 5]).rename("b", "bias")
    other.pool["tensors"][0]["shape"] = [12]
    found = differ(Sample(), other)
    told = [(change.kind, change.name) for change in found.formal]
    assert told == [("reshaped", "w"), ("added", "bias"), ("removed", "b")]
    before, after = found.formal[0].before, found.formal[0].after
    assert (before, after) == (TensorSpec(FLOAT, (4, 3)), TensorSpec(FLOAT, (12,)))
    assert found.same == 1


def test_a_tensor_with_another_name_is_recognized(differ):
    (change,) = differ(Sample(), Editable().rename("b", "bias")).formal
    assert (change.kind, change.was, change.name) == ("renamed", "b", "bias")


def test_copies_without_a_place_of_their_own_are_compared(differ):
    left, right = Sample(), Sample()
    left.header["copies"] = [{"name": "tied", "of": "b", "shape": [5]}]
    right.header["copies"] = [{"name": "tied", "of": "b", "shape": [5, 1]}]
    assert not differ(left, left)
    (change,) = differ(left, right).formal
    assert (change.kind, change.name) == ("reshaped", "tied")


def test_damage_is_an_error_and_no_difference(differ):
    spoilt = Sample()
    spoilt.file["sha256"] = "0" * 64
    with pytest.raises(CorruptArtifactError, match="wrong SHA-256"):
        differ(spoilt, Sample())


def test_progress_only_goes_forward(differ):
    told = []
    differ(
        Sample(),
        Editable().set(b=[0, 2, 3, 4, 5]),
        lambda done, total: told.append((done, total)),
    )
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {4 * len(Sample().content)}
