"""The smallest result wins; ties go to the first by name."""

import numpy as np

from prunepack import chunks
from prunepack.chunks import STREAM_OVERHEAD, EncodedChunk, EncodedStream
from prunepack.coder import Coder
from prunepack.coders import CODERS

RNG = np.random.default_rng(0)


def codec_of(elements):
    return chunks.encode(elements).codec


def test_each_codec_has_its_place():
    sparse = RNG.normal(size=(40, 1000)).astype("<f4")
    sparse[np.abs(sparse) < RNG.uniform(1, 3, size=(40, 1))] = 0
    sparse = sparse.ravel()
    assert codec_of(sparse) == "gaps"
    assert codec_of(RNG.normal(size=5000).astype("<f4")) == "dense"
    assert codec_of(np.zeros(5000, "<f4")) == "zeros"
    assert codec_of(np.full(5000, -0.0, "<f4")) == "dense"
    assert codec_of(np.zeros(1, "<u1")) == "zeros"
    assert codec_of(np.ones(1, "<u1")) == "dense"


def test_each_coder_has_its_place():
    normal = chunks.encode(RNG.normal(size=5000).astype("<f4"))
    assert normal.streams["elements"].coder == "pcodec"
    phrase = np.frombuffer(RNG.bytes(300) * 50, "<u1")
    assert chunks.encode(phrase).streams["elements"].coder == "zstd"


def test_a_stream_has_to_be_worth_its_entry():
    stream = EncodedStream("zstd", "uint8", 1, b"12345")
    assert EncodedChunk("zeros", {}).cost == 0
    assert EncodedChunk("gaps", {"a": stream, "b": stream}).cost == 2 * (5 + STREAM_OVERHEAD)


def test_ties_go_to_the_first_by_name(monkeypatch):
    class Alike(Coder):
        def encode(self, _):
            return bytes(7)

        decode = None

    monkeypatch.setattr(chunks, "CODERS", {"b": Alike(), "c": Alike(), **CODERS, "a": Alike()})
    assert chunks.encode(RNG.normal(size=50)).streams["elements"].coder == "b"
