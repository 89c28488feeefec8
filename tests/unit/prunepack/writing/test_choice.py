"""The smallest result wins; ties go to the first by name."""

import numpy as np
from chunk_elements import make_chunk

from prunepack.coding.compressor import Compressor
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.levels import LEVELS, TINY_MODEL_ITEMS, list_levels
from prunepack.format.header import Stream
from prunepack.writing import compression, encoder
from prunepack.writing.encoder import STREAM_OVERHEAD, estimate_cost

RNG = np.random.default_rng(0)


def encode(elements, level="small", *shapes):
    levels = list(LEVELS.values())[: list(LEVELS).index(level) + 1]
    return encoder.encode_chunk(make_chunk(elements, *shapes), levels)[-1].chunk


def codec_of(*elements_and_more):
    return encode(*elements_and_more).codec


def test_each_codec_has_its_place():
    sparse = RNG.normal(size=(40, 1000)).astype("<f4")
    sparse[np.abs(sparse) < RNG.uniform(1, 3, size=(40, 1))] = 0
    sparse = sparse.ravel()
    assert codec_of(sparse) == "gaps"
    assert codec_of(RNG.normal(size=5000).astype("<f4")) == "dense"
    assert codec_of(np.zeros(5000, "<f4")) == "zeros"
    assert codec_of(np.full(5000, -0.0, "<f4")) == "constant"
    assert codec_of(np.zeros(1, "<u1")) == "zeros"
    assert codec_of(np.ones(1, "<u1")) == "constant"
    again = np.tile(RNG.random(400) < 0.5, 125)
    assert codec_of(np.where(again, RNG.normal(size=50_000), 0).astype("<f4")) == "bitmap"
    pairs = np.argsort(RNG.random((1250, 4))) < 2
    two_of_four = np.where(pairs, RNG.normal(size=(1250, 4)), 0).astype("<f4").ravel()
    assert codec_of(two_of_four) == "groups"
    book = RNG.normal(size=16).astype("<f4")
    assert codec_of(book[RNG.integers(0, 16, 5000)]) == "palette"
    kernels = np.repeat(RNG.random(8000) < 0.3, 9) * np.repeat(RNG.choice([-1, 1], 8000), 9)
    kernels = (kernels * RNG.normal(6, 1, size=72_000)).astype("<f4") + np.float32(0)
    shape = (400, 20, 3, 3)
    assert codec_of(kernels, "max", shape) == "contexts"
    assert codec_of(kernels, "small", shape) != "contexts"
    basis = np.sin(np.outer(np.arange(64), np.arange(256)) * np.pi / 128).astype("<f4").ravel()
    assert codec_of(basis) == "signs"
    assert codec_of(np.repeat(np.arange(200), 25)) == "steps"


def test_each_compressor_has_its_place():
    normal = encode(RNG.normal(size=5000).astype("<f4"))
    assert normal.streams["elements"].coder == "pcodec"
    phrase = np.frombuffer(RNG.bytes(300) * 50, "<u1")
    assert encode(phrase).streams["elements"].coder == "zstd"


def test_a_tiny_model_is_coded_as_well_as_can_be():
    fast, small, best = LEVELS.values()
    assert list_levels(small, TINY_MODEL_ITEMS) == [fast, small, best]
    assert list_levels(small, TINY_MODEL_ITEMS + 1) == [fast, small]
    assert list_levels(fast, 1) == [fast]
    assert list_levels(best, TINY_MODEL_ITEMS + 1) == [fast, small, best]


def test_a_stream_has_to_be_worth_its_entry():
    stream = Stream("zstd", "uint8", count=1, size=5, crc32=0)
    assert estimate_cost([]) == 0
    assert estimate_cost([stream, stream]) == 2 * (5 + STREAM_OVERHEAD)


def test_ties_go_to_the_first_by_name(monkeypatch):
    class Alike(Compressor):
        def encode(self, _, **_effort):
            return bytes(7)

        decode = None

    monkeypatch.setattr(
        compression, "COMPRESSORS", {"b": Alike(), "c": Alike(), **COMPRESSORS, "a": Alike()}
    )
    assert encode(RNG.normal(size=50)).streams["elements"].coder == "b"
