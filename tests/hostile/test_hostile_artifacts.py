"""All classes of bad input that the format can express, and the error that a person reads.

Each case is a function that returns the bytes of a spoilt artifact, registered with the class it
belongs to, the error class and words of the message. `at` says how far a reader may get: cases
that `open` must refuse never have a byte of their payload read.

class  what                                   where
-----  -------------------------------------  ---------------------------------------------------
1-12   header                                 CASES below; 4 stops at 2^32-1, the field's width;
                                              12 in test_limits
13-16  shape                                  CASES; 15 in test_empty_and_scalar_tensors_work
17-21  layout                                 CASES; offsets are not written down, so overlaps,
                                              gaps and reversal (20) cannot occur, only sums that
                                              do not match
22     misaligned                             nothing to align; test_any_alignment_works
23     duplicate tensor names                 CASES
24-26  codec                                  CASES; gaps are unsigned, so unsorted and repeated
                                              indices cannot be said
27     N:M group violates N                   CASES; patterns are ranks, so only a rank that does
                                              not exist can be said
28-30  codec                                  CASES
31-35  zstd and pcodec                        CASES
36     file names                             test_file_names
37     links, pipes, devices                  test_targets.py
38     unlisted or swapped files              test_targets.py
39     digests                                CASES
40     ONNX external data                     test_hostile_models.py; a pickle: CASES
"""

import hashlib
import pickle
import struct
import time
import tracemalloc

import numpy as np
import pytest
from artifact_crafting import MAGIC, Sample, assemble, canonical, frame
from chunk_elements import make_chunk

from prunepack import Artifact, Limits
from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.errors import (
    CorruptArtifactError,
    LimitExceededError,
    RefusedError,
    UnsupportedArtifactError,
    quote,
)

CASES = []


def case(number, message, *, error=CorruptArtifactError, at="open"):
    def register(make):
        name = f"{number}-{make.__name__}"
        CASES.append(pytest.param(make, error, message, at, id=name))
        return make

    return register


def read_until(path, at):
    with Artifact.open(path) as artifact:
        if at == "verify":
            artifact.verify()


@pytest.mark.parametrize(("make", "error", "message", "at"), CASES)
def test_refused(make, error, message, at, tmp_path):
    path = tmp_path / "model.prunepack"
    path.write_bytes(make())
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(RefusedError) as caught:
        read_until(path, at)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    text = str(caught.value)
    assert type(caught.value) is error
    assert message in text
    assert text.startswith(f"{path}: ")
    advice = {
        CorruptArtifactError: "Fetch the artifact again; if the error remains, pack the model "
        "again",
        UnsupportedArtifactError: "Install ",
        LimitExceededError: "Open the artifact with Limits(",
    }[error]
    assert f". {advice}" in text
    assert peak < 64 * 1024**2
    assert time.process_time() - started < 5
    assert caught.value.exit_code == 4


# -- header ---------------------------------------------------------------------------------------


@case(1, "not a prunepack artifact: expected first bytes 8950504b0d0a1a0a, found an empty file")
def empty_file():
    return b""


@case(2, "not a prunepack artifact: expected first bytes 8950504b0d0a1a0a, found 8950504b0d")
def shorter_than_the_magic():
    return MAGIC[:5]


@case(2, "the file ends early: expected at least 24 bytes, found 20")
def shorter_than_the_prefix():
    return Sample().assemble()[:20]


@case(2, "the header does not fit into the file: expected from 1 to 0 bytes")
def shorter_than_the_trailer():
    return Sample().assemble()[:50]


@case(3, "not a prunepack artifact: expected first bytes 8950504b0d0a1a0a, found 504b0304")
def another_format():
    return Sample().assemble(magic=b"PK\x03\x04abcd")


@case(3, "the file was changed as if it were text")
def line_ends_converted():
    return Sample().assemble().replace(b"\r\n", b"\n")


@case(3, "the file was changed as if it were text")
def eighth_bit_cleared():
    return bytes(byte & 0x7F for byte in Sample().assemble())


@case(
    3,
    "the format of the artifact has another version: expected 1 or 2, found 3",
    error=UnsupportedArtifactError,
)
def later_version():
    return Sample().assemble(version=3)


@case(
    3,
    "the format of the artifact has another version: expected 1 or 2, found 0",
    error=UnsupportedArtifactError,
)
def version_nought():
    return Sample().assemble(version=0)


@case(4, "the header does not fit into the file")
def header_length_zero():
    return assemble({}, stored=b"", sizes=(0, 0))


@case(4, "the header does not fit into the file")
def decoded_header_length_zero():
    return Sample().assemble(sizes=(400, 0))


@case(4, "the header does not fit into the file")
def header_longer_than_the_file():
    return Sample().assemble(sizes=(10_000, 2_000))


@case(
    4,
    "exceeds the reader limit `header_bytes`: expected at most 16777216, found 4294967295",
    error=LimitExceededError,
)
def stored_header_beyond_the_cap():
    return Sample().assemble(sizes=(2**32 - 1, 2_000))


@case(4, "exceeds the reader limit `header_bytes`", error=LimitExceededError)
def decoded_header_beyond_the_cap():
    return Sample().assemble(sizes=(400, 2**32 - 1))


@case(4, "wrong CRC-32 of the stored bytes: expected 0x00000007, found 0x")
def wrong_header_crc():
    return Sample().assemble(crc=7)


@case(4, "wrong content size of a zstd frame: expected ")
def decoded_header_length_differs():
    text = canonical(Sample().header)
    return assemble(text, stored=frame(text), sizes=(len(frame(text)), len(text) + 1))


@case(5, "the header is not UTF-8 (invalid start byte)")
def not_utf8():
    return assemble(canonical(Sample().header).replace(b"scalar", b"\xffcalar"))


@case(5, "the header is not UTF-8 (surrogates not allowed)")
def lone_surrogate():
    return assemble(canonical(Sample().header).replace(b"scalar", b"\\ud800"))


@case(6, "the header is not JSON (Unexpected UTF-8 BOM")
def byte_order_mark():
    return assemble(b"\xef\xbb\xbf" + canonical(Sample().header))


@case(6, 'the header is not canonical JSON at byte 0: expected b\'{"copies"')
def leading_space():
    return assemble(b" " + canonical(Sample().header))


@case(6, "the header is not canonical JSON at byte ")
def trailing_newline():
    return assemble(canonical(Sample().header) + b"\n")


@case(6, "the header is not canonical JSON at byte 2")
def keys_out_of_order():
    return assemble(b'{"required":[],"copies":[]}')


@case(6, "the header is not canonical JSON at byte 13")
def needless_escape():
    return assemble(b'{"required":"\\u0041"}')


@case(6, "the header is not JSON (Extra data")
def two_values():
    return assemble(b"{}{}")


@case(7, "the header repeats the key `required`")
def repeated_key():
    text = canonical(Sample().header)
    return assemble(text[:-1] + b',"required":[]}')


@case(7, "the header repeats the key `k99999`")
def repeated_key_among_many():
    keys = ",".join(f'"k{n}":0' for n in range(100_000))
    return assemble(f'{{{keys},"k99999":0}}'.encode())


for _text in ("NaN", "Infinity", "-Infinity", "1e400", "1.0", "1e3", "-1", "9007199254740992"):

    @case(
        8, f"wrong number in the header: expected an integer from 0 to {2**53 - 1}, found {_text}."
    )
    def wrong_number(text=_text):
        return assemble(
            canonical(Sample().header).replace(b'"chunk":12', f'"chunk":{text}'.encode())
        )


@case(8, "found 9999999999999999999999999999999999999999.")
def very_long_number():
    return assemble(b'{"copies":' + b"9" * 5_000_000 + b"}")


@case(8, "the header is not canonical JSON")
def minus_nought():
    return assemble(canonical(Sample().header).replace(b'"chunk":12', b'"chunk":-0'))


@case(9, "the header nests too deeply")
def deep_lists():
    return assemble(b"[" * 200_000 + b"]" * 200_000)


@case(9, "the header nests too deeply")
def deep_objects():
    return assemble(b'{"a":' * 100_000 + b"0" + b"}" * 100_000)


def _with(path, value):
    """Return the sample with the header's value at `path` replaced."""
    sample = Sample()
    place = sample.header
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return sample.assemble()


@case(10, "wrong type of header.pools[0].chunk: expected an integer, found a boolean")
def boolean_for_an_integer():
    return _with(["pools", 0, "chunk"], True)


@case(10, "wrong type of header.pools[0].tensors[0].shape[1]: expected an integer, found a string")
def string_for_an_integer():
    return _with(["pools", 0, "tensors", 0, "shape", 1], "3")


@case(10, "wrong type of header.files[0].segments[0]: expected an integer or a string, found null")
def null_for_a_segment():
    return _with(["files", 0, "segments", 0], None)


@case(10, "wrong type of header.files: expected a list, found an object")
def object_for_a_list():
    return _with(["files"], {})


@case(10, "wrong type of header.pools[0].chunks[0].streams: expected an object, found a list")
def list_for_an_object():
    return _with(["pools", 0, "chunks", 0, "streams"], [])


@case(10, "wrong type of header: expected an object, found a list")
def header_is_a_list():
    return assemble([])


@case(10, "wrong fields of header: expected copies, files, literals, pools, required, found none")
def header_is_empty():
    return assemble({})


@case(
    11,
    "requires features that this version does not have: expected none, found palette, sparse",
    error=UnsupportedArtifactError,
)
def unknown_feature():
    return Sample().spoilt(required=["sparse", "palette"], later_field=1)


@case(11, "wrong fields of header: expected ")
def unknown_field():
    return Sample().spoilt(later_field=1)


@case(11, "wrong fields of header.files[0]: expected name, segments, sha256, size, found name")
def missing_field():
    sample = Sample()
    del sample.file["size"]
    return sample.assemble()


@case(
    11,
    "pool 0: chunk 0: unknown codec: expected one of bitmap, constant, contexts, dense, gaps, "
    "groups, palette, signs, steps, zeros, found 'pickle'",
    error=UnsupportedArtifactError,
)
def unknown_codec():
    return _with(["pools", 0, "chunks", 0, "codec"], "pickle")


@case(
    11,
    "pool 0: chunk 1: stream elements: unknown compressor: expected one of lzma, pcodec, zstd, "
    "found 'os'",
    error=UnsupportedArtifactError,
)
def unknown_coder():
    return _with(["pools", 0, "chunks", 1, "streams", "elements", "coder"], "os")


@case(11, "pool 0: unknown dtype: expected one of bfloat16, bool,", error=UnsupportedArtifactError)
def unknown_dtype():
    return _with(["pools", 0, "dtype"], "object")


@case(11, "stream elements: unknown dtype: expected one of float16", error=UnsupportedArtifactError)
def unknown_stream_dtype():
    return _with(["pools", 0, "chunks", 1, "streams", "elements", "dtype"], "O")


# -- shape ----------------------------------------------------------------------------------------


@case(13, "wrong number in the header: expected an integer from 0 to 9007199254740991, found -4")
def negative_dimension():
    return _with(["pools", 0, "tensors", 0, "shape"], [-4, -3])


@case(14, "the shape of tensor `w` is too large: expected at most 32 dimensions with a product")
def product_overflows():
    return _with(["pools", 0, "tensors", 0, "shape"], [2**32, 2**32])


@case(14, "the shape of tensor `w` is too large")
def product_overflows_beside_a_zero():
    return _with(["pools", 0, "tensors", 0, "shape"], [0, 2**40, 2**40])


@case(14, "the shape of tensor `w` is too large: expected at most 32 dimensions")
def too_many_dimensions():
    return _with(["pools", 0, "tensors", 0, "shape"], [1] * 33)


@case(14, "exceeds the reader limit `decoded_bytes`", error=LimitExceededError)
def tensor_beyond_the_cap():
    return _with(["pools", 0, "tensors", 0, "shape"], [2**50])


@case(16, "file `model.onnx`: its segments do not add up to its size: expected 80, found 84")
def shape_and_bytes_disagree():
    sample = Sample()
    sample.pool["tensors"][1]["shape"] = [6]
    sample.put(1, "elements", np.append(sample.elements[12:], np.float32(1)))
    return sample.assemble()


@case(
    16, "tensor `tied` cannot be a copy of `w`: expected a stored tensor of 11 elements, found 12"
)
def copy_of_another_size():
    return Sample().spoilt(copies=[{"name": "tied", "of": "w", "shape": [11]}])


@case(16, "tensor `tied` cannot be a copy of `x`")
def copy_of_nothing():
    return Sample().spoilt(copies=[{"name": "tied", "of": "x", "shape": [12]}])


@case(14, "the shape of tensor `tied` is too large")
def copy_that_overflows():
    return Sample().spoilt(copies=[{"name": "tied", "of": "w", "shape": [2**40, 2**40]}])


# -- layout ---------------------------------------------------------------------------------------


@case(17, "tensor `w` has two places")
def tensor_placed_twice():
    return _with(["files", 0, "segments"], [5, "w", 3, "w", "b", "scalar"])


@case(18, "tensor `b` is stored, but has no place in a file")
def tensor_placed_nowhere():
    return _with(["files", 0, "segments"], [5, "w", 3, "scalar", 20])


@case(18, "the stored streams do not fill the payload: expected ")
def gap_in_the_payload():
    sample = Sample()
    return assemble(sample.header, sample.payload_bytes() + b"gap")


@case(18, "file `model.onnx`: an empty segment")
def empty_segment():
    return _with(["files", 0, "segments"], [0, 5, "w", 3, "b", "scalar"])


@case(19, "the stored streams do not fill the payload: expected ")
def stream_past_the_end():
    sample = Sample()
    sample.stream(1, "elements")["size"] += 1
    return sample.assemble()


@case(19, "wrong size or CRC-32 of stored bytes: expected at least 1, and below 4294967296")
def stream_of_no_bytes():
    return _with(["pools", 0, "chunks", 1, "streams", "elements", "size"], 0)


@case(19, "literal chunk 0: text: wrong size or CRC-32 of stored bytes")
def literal_crc_too_large():
    return _with(["literals", "chunks", 0, "crc32"], 2**32)


@case(19, "a file refers to tensor `x`, which is not stored")
def segment_without_a_tensor():
    return _with(["files", 0, "segments"], [5, "w", 3, "b", "scalar", "x"])


@case(19, "pool 0: wrong number of chunks: expected 2 of 12 to hold 18, found 1 of 12")
def chunk_missing():
    sample = Sample()
    del sample.pool["chunks"][1]
    return sample.assemble()


@case(19, "pool 0: wrong number of chunks: expected chunks of 1, found 2 of 0")
def chunks_of_nothing():
    return _with(["pools", 0, "chunk"], 0)


@case(19, "literal stream: wrong number of chunks: expected 2 of 4 to hold 8, found 1 of 4")
def literal_chunk_missing():
    return _with(["literals", "chunk"], 4)


@case(21, "the stored streams do not fill the payload")
def trailing_bytes():
    return Sample().assemble() + b"\0"


@case(21, "not a prunepack artifact")
def polyglot():
    return b"PK\x03\x04" + Sample().assemble()


@case(23, "the tensor names `w` and `w` are the same")
def repeated_tensor_name():
    return _with(["pools", 0, "tensors", 1, "name"], "w")


@case(23, "are the same")
def tensor_names_equal_after_normalisation():
    sample = Sample()
    sample.pool["tensors"][1]["name"] = "\u00e9"
    sample.pool["tensors"][2]["name"] = "e\u0301"
    return sample.assemble()


@case(23, "the tensor names `w` and `w` are the same")
def copy_with_the_name_of_a_tensor():
    return Sample().spoilt(copies=[{"name": "w", "of": "b", "shape": [5]}])


@case(23, "a tensor name is empty or too long: expected from 1 to 1024 bytes, found ''")
def nameless_tensor():
    return _with(["pools", 0, "tensors", 1, "name"], "")


@case(23, "a tensor name is empty or too long")
def endless_tensor_name():
    return _with(["pools", 0, "tensors", 1, "name"], "\u0301\u0323" * 1_000_000)


# -- codec ----------------------------------------------------------------------------------------


@case(24, "pool 0: chunk 0: wrong lengths of streams gaps and values: expected equal, from 1 to 12")
def fewer_gaps_than_values():
    sample = Sample()
    sample.put(0, "gaps", np.array([1, 2, 0], "<u2"))
    return sample.assemble()


@case(24, "wrong lengths of streams gaps and values: expected equal, from 1 to 12, found 13 and 13")
def more_values_than_elements():
    sample = Sample()
    sample.put(0, "gaps", np.zeros(13, "<u2"))
    sample.put(0, "values", np.ones(13, "<f4"))
    return sample.assemble()


@case(24, "wrong lengths of streams gaps and values: expected equal, from 1 to 12, found 0 and 0")
def no_values_at_all():
    sample = Sample()
    sample.stream(0, "gaps")["count"] = sample.stream(0, "values")["count"] = 0
    return sample.assemble()


def _coded(codec, **streams):
    """Give the first chunk, of 12 elements, another codec; streams are arrays."""
    sample = Sample()
    sample.payload = {k: v for k, v in sample.payload.items() if k[0] != 0}
    sample.pool["chunks"][0] = {"codec": codec, "streams": {}}
    for name, array in streams.items():
        sample.put(0, name, array)
    return sample.assemble()


FOUR = np.array([1.5, -2, 0.25, -0.0], "<f4")


@case(24, "the bitmap does not have one bit per value: expected 4, found 3", at="verify")
def bitmap_with_a_bit_too_few():
    return _coded("bitmap", bitmap=np.array([0b110010, 0], "u1"), values=FOUR)


@case(24, "the bitmap does not have one bit per value: expected 4, found 5", at="verify")
def bitmap_with_a_bit_too_many():
    return _coded("bitmap", bitmap=np.array([0b11110010, 0], "u1"), values=FOUR)


@case(24, "wrong type or length of stream values: expected 1 to 12 x float32, found 13 x float32")
def more_values_than_a_bitmap_could_place():
    return _coded("bitmap", bitmap=np.array([255, 15], "u1"), values=np.ones(13, "<f4"))


@case(24, "wrong type or length of stream bitmap: expected 2 x uint8, found 3 x uint8")
def bitmap_of_another_length():
    return _coded("bitmap", bitmap=np.array([15, 0, 0], "u1"), values=FOUR)


@case(24, "code and rest contradict each other", at="verify")
def rest_of_more_values_than_the_code_has():
    streams = CODECS["contexts"].encode(make_chunk(np.array([0, 0, 1, 2, 3, 4] * 2, "<f4"), (12,)))
    return _coded("contexts", code=streams["code"], rest=np.append(streams["rest"], np.uint32(1)))


@case(24, "wrong type or length of stream code: expected 1 to 112 x uint8, found 113 x uint8")
def code_of_more_bytes_than_any_chunk_calls_for():
    return _coded("contexts", code=np.zeros(113, "u1"), rest=np.zeros(1, "<u4"))


@case(24, "wrong type or length of stream palette: expected 2 to 12 x float32, found 1 x float32")
def palette_of_one():
    return _coded("palette", palette=FOUR[:1], indices=np.zeros(12, "u1"))


@case(25, "the bitmap has a one after the last element", at="verify")
def padding_bits_of_a_bitmap():
    return _coded("bitmap", bitmap=np.array([0b110010, 0b10001000], "u1"), values=FOUR)


@case(25, "pcodec cannot read the stream", at="verify")
def padding_bits_set():
    sample = Sample()
    sample.put(1, "elements", sample.elements[12:], coder="pcodec")
    data = bytearray(sample.payload[1, "elements"])
    data[-1] |= 0x80
    sample.store((1, "elements"), bytes(data))
    return sample.assemble()


@case(26, "gaps lead past the end of the chunk: expected a last index below 12", at="verify")
def index_out_of_range():
    sample = Sample()
    sample.put(0, "gaps", np.array([1, 2, 0, 6], "<u2"))
    return sample.assemble()


@case(26, "gaps lead past the end of the chunk: expected a last index below 12", at="verify")
def indices_that_overflow_32_bits():
    sample = Sample()
    sample.put(0, "gaps", np.array([1, 2, 2**32 - 1, 2**32 - 1], "<u4"))
    return sample.assemble()


@case(26, "wrong types of streams gaps and values: expected uint16 or uint32, and float32")
def gaps_that_could_be_negative():
    sample = Sample()
    sample.put(0, "gaps", np.array([1, 2, 0, -3], "<i2"))
    return sample.assemble()


@case(26, "an index leads out of the palette: expected below 2, found 2", at="verify")
def index_out_of_the_palette():
    indices = np.array([0, 1, 2] * 4, "u1")
    return _coded("palette", palette=np.array([1, 2], "<f4"), indices=indices)


@case(26, "the palette is not sorted, or repeats an element", at="verify")
def palette_with_a_repetition():
    return _coded("palette", palette=np.array([1, 1], "<f4"), indices=np.zeros(12, "u1"))


@case(27, "a pattern that is not 2:4: expected patterns below 6, found 6", at="verify")
def pattern_that_does_not_exist():
    patterns, values = np.array([0, 5, 6], "u1"), np.ones(6, "<f4")
    return _coded("groups", patterns=patterns, values=values)


@case(27, "wrong lengths of streams patterns and values: expected groups of 4 or 8 in 12")
def groups_with_a_value_too_many():
    return _coded("groups", patterns=np.zeros(3, "u1"), values=np.ones(7, "<f4"))


@case(27, "wrong lengths of streams patterns and values: expected groups of 4 or 8 in 12")
def groups_of_six():
    return _coded("groups", patterns=np.zeros(2, "u1"), values=np.ones(4, "<f4"))


@case(28, "wrong types of streams patterns and values: expected uint8 and float32, found uint16")
def patterns_of_another_type():
    return _coded("groups", patterns=np.zeros(3, "<u2"), values=np.ones(6, "<f4"))


@case(28, "wrong type or length of stream value: expected 1 x float32, found 1 x float64")
def constant_of_another_type():
    return _coded("constant", value=np.ones(1, "<f8"))


@case(28, "wrong type or length of stream rest: expected 1 to 12 x uint32, found 1 x float32")
def rest_of_another_type():
    return _coded("contexts", code=np.zeros(9, "u1"), rest=np.zeros(1, "<f4"))


@case(28, "wrong types of streams gaps and values: expected uint16 or uint32, and float32")
def values_of_another_type():
    sample = Sample()
    sample.put(0, "values", np.ones(4, "<f8"))
    return sample.assemble()


@case(28, "wrong streams for this codec: expected none, found elements")
def streams_of_nothing():
    return _with(["pools", 0, "chunks", 1, "codec"], "zeros")


@case(28, "wrong streams for this codec: expected gaps and values, found elements")
def streams_of_another_codec():
    return _with(["pools", 0, "chunks", 1, "codec"], "gaps")


@case(28, "wrong streams for this codec: expected elements, found elements and more")
def one_stream_too_many():
    sample = Sample()
    sample.put(1, "more", np.ones(4, "<f8"))
    return sample.assemble()


@case(29, "wrong type or length of stream elements: expected 6 x float32, found 5 x float32")
def declared_count_differs():
    return _with(["pools", 0, "chunks", 1, "streams", "elements", "count"], 5)


@case(29, "tensor `big`, chunk 0: stream elements: wrong content size of a zstd frame", at="verify")
def decoded_length_differs():
    sample = Sample()
    sample.pool["tensors"] = [{"name": "big", "shape": [18]}]
    sample.file["segments"] = [5, "big", 3]
    sample.header["pools"][0]["chunk"] = 18
    sample.pool["chunks"] = sample.pool["chunks"][1:]
    sample.payload = {"literal": sample.payload["literal"]}
    sample.put(0, "elements", sample.elements[:17])
    sample.stream(0, "elements")["count"] = 18
    return sample.assemble()


@case(29, "pcodec cannot read the stream", at="verify")
def pcodec_holds_fewer():
    sample = Sample()
    sample.put(1, "elements", sample.elements[12:17], coder="pcodec")
    sample.stream(1, "elements")["count"] = 6
    return sample.assemble()


@case(30, "pool 0, chunk 0: the constant is a zero", at="verify")
def constant_zero():
    return _coded("constant", value=np.zeros(1, "<f4"))


@case(30, "pool 0, chunk 0: a zero among the nonzero values", at="verify")
def zero_in_a_group():
    values = np.array([1, 2, 3, 0, 5, 6], "<f4")
    return _coded("groups", patterns=np.zeros(3, "u1"), values=values)


@case(30, "pool 0, chunk 0: a zero among the nonzero values", at="verify")
def zero_under_a_bitmap():
    values = np.array([1, 2, 0, 3], "<f4")
    return _coded("bitmap", bitmap=np.array([0b110010, 8], "u1"), values=values)


@case(30, "pool 0, chunk 0: a zero among the nonzero values", at="verify")
def zero_in_a_context_code():
    least = np.array([0, 1e-45] * 6, "<f4")
    streams = CODECS["contexts"].encode(make_chunk(least, (4, 3)))
    return _coded("contexts", code=streams["code"], rest=np.zeros(6, "<u4"))


@case(30, "pool 0, chunk 0: a zero among the nonzero values", at="verify")
def zero_among_the_values():
    sample = Sample()
    sample.put(0, "values", np.array([1.5, 0.0, 0.25, -0.0], "<f4"))
    return sample.assemble()


# -- zstd and pcodec ------------------------------------------------------------------------------


def raw_frame(content, *, declared=None, window=None, dictionary=None):
    """Build a zstd frame of one raw block by hand (RFC 8878, 3.1.1)."""
    checksum = frame(content)[-4:]
    single = window is None
    descriptor = 2 << 6 | single << 5 | 1 << 2 | (dictionary is not None)
    head = bytes([descriptor]) + (b"" if single else bytes([(window - 10) << 3]))
    head += b"" if dictionary is None else bytes([dictionary])
    head += struct.pack("<I", len(content) if declared is None else declared)
    block = struct.pack("<I", len(content) << 3 | 1)[:3]
    return b"\x28\xb5\x2f\xfd" + head + block + content + checksum


def _literal_frame(data):
    sample = Sample()
    sample.store("literal", data)
    return sample.assemble()


def test_frames_made_by_hand_are_sound(tmp_path):
    path = tmp_path / "model.prunepack"
    for stored in (raw_frame(b"frontmid"), raw_frame(b"frontmid", window=10)):
        path.write_bytes(_literal_frame(stored))
        with Artifact.open(path) as artifact:
            artifact.verify()


@case(
    31,
    "literal chunk 0: text: wrong content size of a zstd frame: expected 8, found 536870912",
    at="verify",
)
def bomb():
    return _literal_frame(frame(bytes(512 * 1024**2), level=1))


@case(31, "wrong content size of a zstd frame: expected 8, found 4294967295", at="verify")
def bomb_by_declared_size_alone():
    return _literal_frame(raw_frame(b"frontmid", declared=2**32 - 1))


@case(
    32,
    "literal chunk 0: text: wrong content size of a zstd frame: expected 8, found none",
    at="verify",
)
def no_content_size():
    return _literal_frame(frame(b"frontmid", content_size=False))


@case(
    33,
    "asks for a window larger than its content: expected at most 1024, found 134217728",
    at="verify",
)
def oversized_window():
    return _literal_frame(raw_frame(b"frontmid", window=27))


@case(34, "wrong checksum of a zstd frame: expected True, found False", at="verify")
def no_checksum():
    return _literal_frame(frame(b"frontmid", checksum=False))


@case(34, "zstd cannot read the frame (decompression error", at="verify")
def wrong_checksum():
    data = bytearray(frame(b"frontmid"))
    data[-1] ^= 1
    return _literal_frame(bytes(data))


@case(35, "zstd cannot read the frame (compressed input contains", at="verify")
def two_frames():
    return _literal_frame(frame(b"frontmid") + frame(b"more"))


@case(35, "zstd cannot read the frame (compressed input contains 1 bytes", at="verify")
def byte_after_the_frame():
    return _literal_frame(frame(b"frontmid") + b"\0")


@case(35, "not a zstd frame: expected 28b52ffd, found 502a4d18", at="verify")
def skippable_frame():
    return _literal_frame(struct.pack("<II", 0x184D2A50, 3) + b"abc" + frame(b"frontmid"))


@case(35, "wrong dictionary id of a zstd frame: expected 0, found 9", at="verify")
def dictionary():
    return _literal_frame(raw_frame(b"frontmid", dictionary=9))


@case(35, "zstd cannot read the frame (", at="verify")
def frame_cut_short():
    return _literal_frame(b"\x28\xb5\x2f\xfd")


@case(35, "pool 0, chunk 1: stream elements: the stream has the wrong length", at="verify")
def pcodec_promises_more_than_the_chunk():
    sample = Sample()
    many = np.random.default_rng(0).normal(size=100_000).astype("<f4")
    sample.put(1, "elements", many, coder="pcodec")
    sample.store((1, "elements"), COMPRESSORS["pcodec"].encode(many, thorough=True))
    sample.stream(1, "elements")["count"] = 6
    return sample.assemble()


@case(35, "the stream has the wrong length: expected 6 numbers in ", at="verify")
def byte_after_the_pcodec_stream():
    sample = Sample()
    data = COMPRESSORS["pcodec"].encode(sample.elements[12:])
    sample.put(1, "elements", sample.elements[12:], coder="pcodec")
    sample.store((1, "elements"), data + b"\0")
    return sample.assemble()


# -- meaning --------------------------------------------------------------------------------------


@case(39, "file `model.onnx`: wrong SHA-256: expected 0000", at="verify")
def wrong_file_digest():
    return _with(["files", 0, "sha256"], "0" * 64)


@case(39, "file `model.onnx`: wrong form of its SHA-256: expected 64 hexadecimal digits, found ABC")
def malformed_file_digest():
    return _with(["files", 0, "sha256"], "ABC")


@case(39, "the SHA-256 of the artifact is not the one in its trailer: expected ", at="verify")
def wrong_trailer():
    data = bytearray(Sample().assemble())
    data[-1] ^= 1
    return bytes(data)


@case(
    39, "pool 0, chunk 0: stream gaps: wrong CRC-32 of the stored bytes: expected 0x", at="verify"
)
def wrong_stream_crc():
    return _with(["pools", 0, "chunks", 0, "streams", "gaps", "crc32"], 7)


@case(40, "not a prunepack artifact: expected first bytes 8950504b0d0a1a0a, found 8004")
def pickled():
    return pickle.dumps({"weights": [0.5] * 100}, protocol=4)


# -- limits, names, and what must work ------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({"tensors": 2}, 3),
        ({"files": 0}, 1),
        ({"decoded_bytes": 79}, 80),
        ({"chunk_bytes": 47}, 48),
        ({"header_bytes": 300}, None),
    ],
)
def test_limits(limits, found, tmp_path):
    path = Sample().write(tmp_path / "model.prunepack")
    ((name, cap),) = limits.items()
    with pytest.raises(LimitExceededError) as caught:
        Artifact.open(path, Limits(**limits))
    text = str(caught.value)
    assert f"exceeds the reader limit `{name}`: expected at most {cap}, found {found or ''}" in text
    assert f"Open the artifact with Limits({name}=" in text
    Artifact.open(path, Limits(**{name: found or 3000})).close()


def test_literal_chunk_limit(tmp_path):
    sample = Sample()
    sample.file["segments"] = [80]
    sample.header["pools"] = []
    sample.payload = {"literal": frame(sample.content)}
    sample.store("literal", sample.payload["literal"])
    path = sample.write(tmp_path / "model.prunepack")
    with pytest.raises(
        LimitExceededError, match=r"literal stream: .* `chunk_bytes`: .* at most 79"
    ):
        Artifact.open(path, Limits(chunk_bytes=79))
    with Artifact.open(path, Limits(chunk_bytes=80)) as artifact:
        assert artifact.read_file("model.onnx") == sample.content


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("", "is absolute, or has an empty, '.' or '..' part"),
        ("/etc/passwd", "is absolute, or has an empty, '.' or '..' part"),
        ("../model.onnx", "is absolute, or has an empty, '.' or '..' part"),
        ("a/../../b", "is absolute, or has an empty, '.' or '..' part"),
        ("a//b", "is absolute, or has an empty, '.' or '..' part"),
        ("./a", "is absolute, or has an empty, '.' or '..' part"),
        ("a/", "is absolute, or has an empty, '.' or '..' part"),
        ("C:model.onnx", "has a character that some systems give a meaning"),
        ("C:\\model.onnx", "has a character that some systems give a meaning"),
        ("a\\b", "has a character that some systems give a meaning"),
        ("a\0b", "has a character that some systems give a meaning"),
        ("a\nb", "has a character that some systems give a meaning"),
        ("model?.onnx", "has a character that some systems give a meaning"),
        ("model.onnx:stream", "has a character that some systems give a meaning"),
        ("model.onnx.", "has a part that ends in a dot or a space"),
        ("model.onnx ", "has a part that ends in a dot or a space"),
        ("aux", "has a part that is a device on Windows"),
        ("weights/NUL.data", "has a part that is a device on Windows"),
        ("Com1.onnx", "has a part that is a device on Windows"),
        ("LPT\u00b9", "has a part that is a device on Windows"),
        ("con .txt", "has a part that is a device on Windows"),
        ("a" * 256, "has a part of more than 255 bytes"),
        ("\u00e9" * 128, "has a part of more than 255 bytes"),
        ("a/" * 600 + "a", "has more than 1024 bytes"),
        ("a/" * 4_000_000 + "a", "has more than 1024 bytes"),
    ],
)
def test_file_names(name, flaw, tmp_path):
    sample = Sample()
    sample.file["name"] = name
    path = sample.write(tmp_path / "model.prunepack")
    with pytest.raises(CorruptArtifactError) as caught:
        Artifact.open(path)
    assert f"the file name {quote(name)} {flaw}" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "a"),
        ("Model.onnx", "model.ONNX"),
        ("\u00e9", "e\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a", "a/b"),
        ("A/b", "a"),
        ("a/b/c", "A/B"),
    ],
)
def test_file_names_that_collide(one, other, tmp_path):
    sample = Sample()
    sample.file["name"] = one
    empty = {"name": other, "segments": [], "sha256": "0" * 64, "size": 0}
    sample.header["files"].append(empty)
    path = sample.write(tmp_path / "model.prunepack")
    with pytest.raises(CorruptArtifactError) as caught:
        Artifact.open(path)
    assert f"the file names {quote(one)} and {quote(other)} collide" in str(caught.value)


def test_an_artifact_without_files(tmp_path):
    path = tmp_path / "model.prunepack"
    header = {"files": [], "pools": [], "copies": [], "required": []}
    path.write_bytes(assemble(header | {"literals": {"chunk": 1, "chunks": []}}))
    with pytest.raises(CorruptArtifactError, match="the artifact holds no file"):
        Artifact.open(path)


def test_empty_and_scalar_tensors_work(tmp_path):
    sample = Sample()
    empty = [{"name": f"empty{n}", "shape": s} for n, s in enumerate([[0], [0, 7], [3, 0, 2**40]])]
    sample.pool["tensors"][1:1] = empty
    sample.file["segments"] = ["empty0", 5, "empty1", "w", 3, "b", "empty2", "scalar"]
    only_empty = {"chunk": 1, "chunks": [], "dtype": "int64"}
    sample.header["pools"].append(only_empty | {"tensors": [{"name": "none", "shape": [0]}]})
    sample.file["segments"].append("none")
    with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
        artifact.verify()
        assert artifact.read_file("model.onnx") == sample.content
        assert artifact.read_tensor("scalar").shape == ()
        assert artifact.read_tensor("scalar") == 7.5
        assert artifact.read_tensor("empty2").shape == (3, 0, 2**40)
        assert artifact.read_tensor("none").dtype == np.int64
        assert list(artifact.iter_tensor("empty0")) == []


def test_any_alignment_works(tmp_path):
    sample = Sample()
    for before in range(1, 8):
        sample.file["segments"] = [before, "w", 8 - before, "b", "scalar"]
        text = b"frontmid"
        parts = [text[:before], sample.w.tobytes(), text[before:]]
        content = b"".join([*parts, sample.b.tobytes(), sample.scalar.tobytes()])
        sample.file["segments"] = [s for s in sample.file["segments"] if s != 0]
        sample.file["sha256"] = hashlib.sha256(content).hexdigest()
        with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
            assert artifact.read_file("model.onnx") == content
            assert artifact.read_tensor("w").tobytes() == sample.w.tobytes()
