"""Codecs one by one: the laws they share are in tests/property."""

import numpy as np
import pytest

from prunepack.codec import Codec
from prunepack.codecs import CODECS
from prunepack.dtypes import ArraySpec
from prunepack.errors import CorruptArtifactError

F4 = np.dtype("<f4")


def test_the_closed_set():
    assert list(CODECS) == ["dense", "gaps", "zeros"]
    assert all(isinstance(codec, Codec) for codec in CODECS.values())
    with pytest.raises(TypeError):
        CODECS["more"] = CODECS["dense"]


def test_gaps_count_the_zeros_before_each_value():
    streams = CODECS["gaps"].encode(np.array([0, 0, 3, 4, 0, 5, 0], "<i8"))
    assert streams["gaps"].tolist() == [2, 0, 1]
    assert streams["gaps"].dtype == "<u2"
    assert streams["values"].tolist() == [3, 4, 5]
    assert streams["values"].dtype == "<i8"


@pytest.mark.parametrize(("zeros", "dtype"), [(65_535, "uint16"), (65_536, "uint32")])
def test_gaps_are_as_wide_as_they_need_to_be(zeros, dtype):
    elements = np.zeros(zeros + 2, F4)
    elements[[zeros, zeros + 1]] = 1
    streams = CODECS["gaps"].encode(elements)
    assert streams["gaps"].dtype == dtype
    out = np.zeros_like(elements)
    CODECS["gaps"].decode(streams, out)
    assert np.array_equal(out, elements)


def test_gaps_keep_what_only_looks_like_zero():
    elements = np.array([0, -0.0, 0, np.nan, 1e-45], F4)
    streams = CODECS["gaps"].encode(elements)
    assert streams["values"].size == 3
    out = np.zeros_like(elements)
    CODECS["gaps"].decode(streams, out)
    assert out.tobytes() == elements.tobytes()


def test_where_a_codec_does_not_apply():
    nothing, everything = np.zeros(5, F4), np.ones(5, F4)
    assert CODECS["gaps"].encode(nothing) is None
    assert CODECS["gaps"].encode(everything) is None
    assert CODECS["zeros"].encode(everything) is None
    assert CODECS["zeros"].encode(np.array([0, -0.0], F4)) is None
    assert CODECS["zeros"].encode(nothing) == {}


def test_the_largest_gaps_do_not_wrap_around():
    gaps = np.full(4, 2**32 - 1, "<u4")
    with pytest.raises(CorruptArtifactError, match=f"below 8, found {4 * 2**32 - 1}"):
        CODECS["gaps"].decode({"gaps": gaps, "values": np.ones(4, F4)}, np.zeros(8, F4))


def test_a_value_of_zero_bits_is_refused_and_minus_zero_is_not():
    out = np.zeros(4, F4)
    gaps = np.zeros(2, "<u2")
    CODECS["gaps"].decode({"gaps": gaps, "values": np.array([-0.0, 1], F4)}, out)
    assert np.signbit(out).tolist() == [True, False, False, False]
    with pytest.raises(CorruptArtifactError, match="a zero among the nonzero values"):
        CODECS["gaps"].decode({"gaps": gaps, "values": np.array([0.0, 1], F4)}, out)


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_accepts_what_it_makes(codec):
    elements = np.zeros(100, F4) if codec == "zeros" else np.arange(100, dtype=F4) % 3
    streams = CODECS[codec].encode(elements)
    specs = {name: ArraySpec(array.dtype, array.size) for name, array in streams.items()}
    CODECS[codec].check(specs, ArraySpec(F4, 100))
    with pytest.raises(CorruptArtifactError, match="wrong streams for this codec: expected "):
        CODECS[codec].check({**specs, "more": ArraySpec(F4, 1)}, ArraySpec(F4, 100))
