"""Compressors one by one, and the messages of their refusals."""

import lzma

import numpy as np
import pytest

from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.dtypes import STREAM_DTYPES, ArraySpec
from prunepack.errors import CorruptArtifactError


def test_the_closed_set():
    assert list(COMPRESSORS) == ["lzma", "pcodec", "zstd"]


@pytest.mark.parametrize("coder", COMPRESSORS)
@pytest.mark.parametrize("dtype", STREAM_DTYPES)
@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 70_000])
def test_there_and_back(coder, dtype, count):
    kind = STREAM_DTYPES[dtype]
    array = np.random.default_rng(count).integers(0, 256, count * kind.itemsize, "<u1").view(kind)
    stored = COMPRESSORS[coder].encode(array)
    assert stored == COMPRESSORS[coder].encode(array.copy())
    back = COMPRESSORS[coder].decode(stored, ArraySpec(kind, count))
    assert back.dtype == kind
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("coder", COMPRESSORS)
def test_every_other_length_of_stored_bytes_is_refused(coder):
    array = np.arange(50, dtype="<f4")
    stored = COMPRESSORS[coder].encode(array)
    spec = ArraySpec(array.dtype, array.size)
    for size in range(len(stored)):
        with pytest.raises(CorruptArtifactError):
            COMPRESSORS[coder].decode(stored[:size], spec)
    with pytest.raises(CorruptArtifactError):
        COMPRESSORS[coder].decode(stored + b"\0", spec)


@pytest.mark.parametrize("coder", COMPRESSORS)
@pytest.mark.parametrize("count", [0, 1, 49, 51, 5000])
def test_another_count_is_refused(coder, count):
    array = np.random.default_rng(0).normal(size=50).astype("<f4")
    with pytest.raises(CorruptArtifactError):
        COMPRESSORS[coder].decode(COMPRESSORS[coder].encode(array), ArraySpec(array.dtype, count))


def test_pcodec_refuses_another_width():
    array = np.random.default_rng(0).normal(size=50).astype("<f4")
    stored = COMPRESSORS["pcodec"].encode(array)
    with pytest.raises(CorruptArtifactError, match=r"pcodec cannot read the stream \(pco error"):
        COMPRESSORS["pcodec"].decode(stored, ArraySpec(np.dtype("<u2"), 50))


def test_pcodec_names_bytes_that_are_left():
    array = np.arange(50, dtype="<f4")
    stored = COMPRESSORS["pcodec"].encode(array)
    with pytest.raises(CorruptArtifactError) as caught:
        COMPRESSORS["pcodec"].decode(stored + b"more", ArraySpec(array.dtype, 50))
    size = len(stored)
    assert str(caught.value) == (
        f"the stream has the wrong length: expected 50 numbers in {size + 4} bytes, "
        f"found 50 numbers in {size} bytes"
    )


def test_pcodec_survives_any_change_of_its_bytes():
    """Pcodec has no checksum: it may decode random bytes wrongly, but raises no other error."""
    rng = np.random.default_rng(7)
    arrays = [rng.normal(size=300).astype("<f4"), rng.geometric(0.1, 300).astype("<u2")]
    refused = 0
    for array in arrays:
        stored = np.frombuffer(COMPRESSORS["pcodec"].encode(array), "<u1")
        spec = ArraySpec(array.dtype, array.size)
        for _ in range(2000):
            noisy = stored.copy()
            noisy[rng.integers(0, min(stored.size, 60))] ^= rng.integers(1, 256, dtype="<u1")
            try:
                assert COMPRESSORS["pcodec"].decode(noisy.tobytes(), spec).size == array.size
            except CorruptArtifactError:
                refused += 1
    assert refused > 500


def test_pcodec_must_say_that_all_numbers_are_there(monkeypatch):
    array = np.arange(50, dtype="<f4")
    stored = COMPRESSORS["pcodec"].encode(array)
    monkeypatch.setattr(
        "prunepack.coding.compressors.pcodec._decompress", lambda data, _: (0, len(data))
    )
    with pytest.raises(CorruptArtifactError, match=r"expected 50 numbers in .* found 0 numbers"):
        COMPRESSORS["pcodec"].decode(stored, ArraySpec(array.dtype, 50))


def test_lzma_finds_items_that_repeat_at_a_distance():
    words = np.random.default_rng(0).integers(0, 2**32, 2000, "<u4")
    array = words[np.random.default_rng(1).integers(0, 2000, 20_000)]
    sizes = {name: len(COMPRESSORS[name].encode(array, thorough=True)) for name in COMPRESSORS}
    assert sizes["lzma"] < min(sizes["zstd"], sizes["pcodec"])


def test_lzma_takes_no_more_memory_than_the_declared_size():
    bomb = lzma.compress(
        bytes(2**26), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**26}]
    )
    with pytest.raises(CorruptArtifactError) as caught:
        COMPRESSORS["lzma"].decode(bomb, ArraySpec(np.dtype("<u1"), 1000))
    assert str(caught.value) == (
        f"the stream has the wrong length: expected 1000 bytes and an end marker in {len(bomb)} "
        "bytes, found 1001 or more bytes"
    )


def test_lzma_survives_any_change_of_its_bytes():
    rng = np.random.default_rng(7)
    array = rng.geometric(0.1, 300).astype("<u2")
    stored = np.frombuffer(COMPRESSORS["lzma"].encode(array), "<u1")
    refused = 0
    for _ in range(2000):
        noisy = stored.copy()
        noisy[rng.integers(0, stored.size)] ^= rng.integers(1, 256, dtype="<u1")
        try:
            back = COMPRESSORS["lzma"].decode(noisy.tobytes(), ArraySpec(array.dtype, array.size))
            assert back.size == array.size
        except CorruptArtifactError:
            refused += 1
    assert refused > 500


def test_lzma_refuses_bytes_that_are_none():
    with pytest.raises(CorruptArtifactError, match=r"LZMA cannot read the stream \("):
        COMPRESSORS["lzma"].decode(b"\x7f" * 30, ArraySpec(np.dtype("<u1"), 100))
