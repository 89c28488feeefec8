"""Codecs one by one: the laws they share are in tests/property."""

from math import comb

import numpy as np
import pytest
from chunk_elements import decode, make_chunk

from prunepack.coding.codec import Codec
from prunepack.coding.codecs import CODECS
from prunepack.coding.dtypes import ArraySpec
from prunepack.errors import CorruptArtifactError

F4 = np.dtype("<f4")
RNG = np.random.default_rng(0)


def streams_of(codec, elements):
    return CODECS[codec].encode(make_chunk(np.asarray(elements)))


def test_the_closed_set():
    names = ["bitmap", "constant", "contexts", "dense", "gaps", "groups", "palette", "signs"]
    assert list(CODECS) == [*names, "steps", "zeros"]
    assert all(isinstance(codec, Codec) for codec in CODECS.values())
    with pytest.raises(TypeError):
        CODECS["more"] = CODECS["dense"]


def test_gaps_count_the_zeros_before_each_value():
    streams = streams_of("gaps", np.array([0, 0, 3, 4, 0, 5, 0], "<i8"))
    assert streams["gaps"].tolist() == [2, 0, 1]
    assert streams["gaps"].dtype == "<u2"
    assert streams["values"].tolist() == [3, 4, 5]
    assert streams["values"].dtype == "<i8"


@pytest.mark.parametrize(("zeros", "dtype"), [(65_535, "uint16"), (65_536, "uint32")])
def test_gaps_are_as_wide_as_they_need_to_be(zeros, dtype):
    elements = np.zeros(zeros + 2, F4)
    elements[[zeros, zeros + 1]] = 1
    streams = streams_of("gaps", elements)
    assert streams["gaps"].dtype == dtype
    assert np.array_equal(decode("gaps", streams, elements), elements)


@pytest.mark.parametrize("codec", ["bitmap", "contexts", "gaps"])
def test_what_only_looks_like_zero_is_kept(codec):
    elements = np.array([0, -0.0, 0, np.nan, 1e-45], F4)
    back = decode(codec, streams_of(codec, elements), elements)
    assert back.tobytes() == elements.tobytes()


def test_where_a_codec_does_not_apply():
    nothing, everything = np.zeros(8, F4), np.arange(1, 9, dtype=F4)
    one_in_ten = np.tile(np.arange(10) == 0, 10).astype(F4)
    applies = {
        name: [codec.encode(make_chunk(e)) is not None for e in (nothing, everything, one_in_ten)]
        for name, codec in CODECS.items()
    }
    assert applies == {
        "bitmap": [False, False, False],
        "constant": [False, False, False],
        "contexts": [False, True, True],
        "dense": [False, True, False],
        "gaps": [False, False, True],
        "groups": [False, False, False],
        "palette": [False, True, False],
        "signs": [False, False, False],
        "steps": [False, False, False],
        "zeros": [True, False, False],
    }
    assert streams_of("zeros", nothing) == {}
    assert streams_of("zeros", np.array([0, -0.0], F4)) is None


def test_a_bitmap_begins_with_the_lowest_bit():
    streams = streams_of("bitmap", np.array([0, 7, 0, 0, 8, 0, 0, 0, 9, 1], "<i4"))
    assert streams["bitmap"].tolist() == [0b0001_0010, 0b11]
    assert streams["values"].tolist() == [7, 8, 9, 1]


def test_a_constant_is_one_element_however_odd():
    for value in (-0.0, np.nan, 3):
        elements = np.full(9, value, F4)
        streams = streams_of("constant", elements)
        assert streams["value"].size == 1
        assert decode("constant", streams, elements).tobytes() == elements.tobytes()
    assert streams_of("constant", np.array([0.0, -0.0], F4)) is None
    assert streams_of("constant", np.array([-0.0, 0.0], F4)) is None


def test_a_palette_ascends_by_bits():
    elements = np.array([1.5, -1, 1.5, 0, 2], F4)
    streams = streams_of("palette", elements)
    assert streams["palette"].tolist() == [0, 1.5, 2, -1]
    assert streams["indices"].tolist() == [1, 3, 1, 0, 2]
    assert streams["indices"].dtype == "u1"
    assert streams_of("palette", np.arange(1, 258, dtype=F4)) is None
    assert streams_of("palette", np.arange(256, dtype="<i2")) is not None
    assert streams_of("palette", np.array([1, 2], "u1")) is None  # would save nothing
    rare = np.append(np.ones(5000, F4), np.arange(300, dtype=F4))  # beyond the first look
    assert streams_of("palette", rare) is None


def test_groups_are_ranked_in_lexicographic_order():
    streams = streams_of("groups", np.array([5, 6, 0, 0, 0, 7, 0, 8], "<i2"))
    assert streams["patterns"].tolist() == [0, 4]  # 01 02 03 12 13 23
    assert streams["values"].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("size", [4, 8])
def test_groups_of_any_number_come_back(size):
    for kept in range(1, size):
        places = np.argsort(RNG.random((101, size)))[:, :kept]
        elements = np.zeros((101, size), F4)
        np.put_along_axis(elements, places, RNG.normal(size=(101, kept)).astype(F4), 1)
        streams = streams_of("groups", elements.ravel())
        assert streams["patterns"].max() < comb(size, kept)
        assert np.array_equal(decode("groups", streams, elements.ravel()), elements.ravel())


def test_groups_that_are_not_alike_are_no_groups():
    assert streams_of("groups", np.array([1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0], F4)) is None
    assert streams_of("groups", np.array([1, 1, 0, 0, 1, 1, 0], F4)) is None
    assert streams_of("groups", np.array([1, 1, 1, 0, 1, 0, 0, 0], F4)) is not None  # 4 of 8


def test_contexts_leave_no_rest_of_a_byte():
    assert list(streams_of("contexts", np.array([0, 3, -3, -128], "<i1"))) == ["code"]
    streams = streams_of("contexts", np.array([0, 3, -3, 7], "<i4"))
    assert streams["rest"].dtype == "<u4"
    assert streams["rest"].tolist() == [3, 3, 7]


def test_contexts_see_what_neighbours_tell():
    """Kernels that are kept or pruned whole, with one sign each, have short codes."""
    rng = np.random.default_rng(0)
    kept, sign = rng.random((64, 64, 1)) < 0.2, rng.choice([-1, 1], (64, 64, 1))
    weights = (kept * sign * (1 + rng.random((64, 64, 9)))).astype(F4)
    known = CODECS["contexts"].encode(make_chunk(weights.ravel(), (64, 64, 3, 3)))["code"]
    rng.shuffle(shuffled := weights.ravel().copy())
    unknown = CODECS["contexts"].encode(make_chunk(shuffled, (64, 64, 3, 3)))["code"]
    assert known.size < 0.6 * unknown.size


def test_the_largest_gaps_do_not_wrap_around():
    gaps = np.full(4, 2**32 - 1, "<u4")
    with pytest.raises(CorruptArtifactError, match=f"below 8, found {4 * 2**32 - 1}"):
        decode("gaps", {"gaps": gaps, "values": np.ones(4, F4)}, np.zeros(8, F4))


@pytest.mark.parametrize(
    ("codec", "others"),
    [
        ("gaps", {"gaps": np.zeros(2, "<u2")}),
        ("bitmap", {"bitmap": np.array([0b11], "u1")}),
        ("groups", {"patterns": np.zeros(1, "u1")}),
    ],
)
def test_a_value_of_zero_bits_is_refused_and_minus_zero_is_not(codec, others):
    out = np.zeros(4, F4)
    back = decode(codec, {**others, "values": np.array([-0.0, 1], F4)}, out)
    assert np.signbit(back).tolist() == [True, False, False, False]
    with pytest.raises(CorruptArtifactError, match="a zero among the nonzero values"):
        decode(codec, {**others, "values": np.array([0.0, 1], F4)}, out)


@pytest.mark.parametrize(
    ("codec", "streams", "message"),
    [
        ("bitmap", {"bitmap": [0b111], "values": [1.0, 2]}, "one bit per value"),
        ("bitmap", {"bitmap": [0b1], "values": [1.0, 2]}, "one bit per value"),
        ("bitmap", {"bitmap": [0b10001], "values": [1.0, 2]}, "a one after the last element"),
        ("constant", {"value": [0.0]}, "the constant is a zero. Pack the model again"),
        ("groups", {"patterns": [6], "values": [1.0, 2]}, "a pattern that is not 2:4: expected "),
        ("palette", {"palette": [2.0, 1], "indices": [0] * 4}, "the palette is not sorted"),
        ("palette", {"palette": [1.0, 1], "indices": [0] * 4}, "the palette is not sorted"),
        ("palette", {"palette": [1.0, 2], "indices": [0, 2, 0, 0]}, "an index leads out of the "),
    ],
)
def test_streams_that_contradict_each_other(codec, streams, message):
    arrays = {
        name: np.array(array, F4 if isinstance(array[0], float) else "u1")
        for name, array in streams.items()
    }
    with pytest.raises(CorruptArtifactError, match=message):
        decode(codec, arrays, np.zeros(4, F4))


def test_a_context_code_and_its_rest_that_do_not_match():
    elements = np.array([0, 3, -3, 7], F4)
    streams = streams_of("contexts", elements)
    for spoilt in (
        {"code": streams["code"][:-1]},
        {"code": np.append(streams["code"], np.uint8(0))},
        {"rest": streams["rest"][:-1]},
        {"rest": streams["rest"] | np.uint32(1 << 31)},
    ):
        with pytest.raises(CorruptArtifactError, match="code and rest contradict each other: exp"):
            decode("contexts", streams | spoilt, elements)
    zero = streams_of("contexts", np.array([0, 1e-45, 0, 0], F4))
    with pytest.raises(CorruptArtifactError, match="a zero among the nonzero values"):
        decode("contexts", zero | {"rest": np.zeros(1, "<u4")}, elements)


def example(codec):
    """Return elements that the codec applies to."""
    if codec in {"zeros", "constant"}:
        return np.full(100, codec == "constant", F4)
    if codec == "groups":
        return np.tile(np.array([0, 1, 0, 2], F4), 25)
    if codec == "signs":
        return np.r_[np.arange(50, 100), -np.arange(50, 100)].astype(F4)
    if codec == "steps":
        return np.repeat(np.arange(5, dtype="<i4"), 20)
    return np.arange(100, dtype=F4) % 3


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_accepts_what_it_makes_and_no_other_names(codec):
    specs = specs_of(codec)
    whole = ArraySpec(example(codec).dtype, 100)
    CODECS[codec].check(specs, whole)
    with pytest.raises(CorruptArtifactError, match="wrong streams for this codec: expected "):
        CODECS[codec].check({**specs, "more": ArraySpec(F4, 1)}, whole)


def specs_of(codec):
    streams = streams_of(codec, example(codec))
    return {name: ArraySpec(array.dtype, array.size) for name, array in streams.items()}


@pytest.mark.parametrize(("codec", "name"), [(c, n) for c in CODECS for n in specs_of(c)])
def test_every_stream_has_its_type_and_bounds(codec, name):
    """None empty, none of another type, none of more than twice what the chunk could call for."""
    specs = specs_of(codec)
    dtype, count = specs[name].dtype, specs[name].count
    other = np.dtype("<f8")
    for wrong in (ArraySpec(other, count), ArraySpec(dtype, 0), ArraySpec(dtype, 2**40)):
        with pytest.raises(CorruptArtifactError, match=f"wrong (type|length)s? .*{name}"):
            CODECS[codec].check(specs | {name: wrong}, ArraySpec(example(codec).dtype, 100))
