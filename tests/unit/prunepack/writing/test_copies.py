"""Tensors that are stored once: equal, or transposed."""

import numpy as np
import pytest
from test_pools import _source

from prunepack import Artifact, pack
from prunepack.format.header import Copy
from prunepack.writing.copies import find_copies

RNG = np.random.default_rng(0)


def copies(tmp_path, **arrays):
    stored, found = find_copies([_source(tmp_path / "m", arrays)])
    assert len(stored) + len(found) == len(arrays)
    return found


def weight(*shape, dtype="<f4"):
    return RNG.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<i8"])
def test_a_transposed_twin_is_a_copy(tmp_path, dtype):
    a = (100 * weight(20, 50)).astype(dtype)
    assert copies(tmp_path, a=a, b=np.ascontiguousarray(a.T)) == [Copy("b", "a", (50, 20), (1, 0))]


def test_a_square_one_too(tmp_path):
    a = weight(40, 40)
    assert copies(tmp_path, a=a, b=np.ascontiguousarray(a.T)) == [Copy("b", "a", (40, 40), (1, 0))]


@pytest.mark.parametrize("axes", [(2, 0, 1), (1, 0, 2), (2, 1, 0)])
def test_more_dimensions(tmp_path, axes):
    a = weight(4, 5, 6)
    b = np.ascontiguousarray(a.transpose(axes))
    assert copies(tmp_path, a=a, b=b) == [Copy("b", "a", b.shape, axes)]


def test_ends_alone_do_not_make_a_copy(tmp_path):
    a = weight(20, 50)
    b = np.ascontiguousarray(a.T)
    b[3, 3] = 7
    assert copies(tmp_path, a=a, b=b, c=a[::-1].copy()) == []


def test_a_tensor_with_copies_stays(tmp_path):
    a = weight(20, 50)
    b = np.ascontiguousarray(a.T)
    found = copies(tmp_path, a=a, b=b, c=b.reshape(-1), d=a.copy())
    assert found == [Copy("c", "b", (1000,)), Copy("d", "a", (20, 50))]


def test_signs_of_zeros_and_nans_count(tmp_path):
    a = weight(20, 50)
    a[1, 1:3] = [np.nan, 0.0]
    same, other = np.ascontiguousarray(a.T), np.ascontiguousarray(a.T)
    other[2, 1] = -0.0
    assert copies(tmp_path, a=a, b=other, c=same) == [Copy("c", "a", (50, 20), (1, 0))]


def test_a_model_with_both_is_half_as_large(tmp_path):
    from onnx import TensorProto, helper

    a = weight(300, 200)
    tensors = [
        helper.make_tensor("embedding", TensorProto.FLOAT, a.shape, a.tobytes(), raw=True),
        helper.make_tensor("head", TensorProto.FLOAT, a.T.shape, a.T.tobytes(), raw=True),
    ]
    sizes = []
    for count in (1, 2):
        graph = helper.make_graph([], "g", [], [], tensors[:count])
        (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
        sizes.append(pack(tmp_path / "m.onnx", tmp_path / "m", force=True).artifact_bytes)
    assert sizes[1] < sizes[0] + 200
    with Artifact.open(tmp_path / "m") as artifact:
        assert np.array_equal(artifact.read_tensor("head"), a.T)
        assert artifact.read_tensors(["head", "embedding"])["head"].flags.c_contiguous
