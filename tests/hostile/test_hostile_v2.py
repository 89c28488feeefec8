"""Bad input that only version 2 of the format can express, and the error that a person reads."""

import time
import tracemalloc
import zlib

import numpy as np
import pytest
from artifact_crafting import DICTIONARY, SampleV2, assemble_v2, canonical, deflate, strip_checksums

from prunepack import Artifact, Limits
from prunepack.errors import CorruptArtifactError, LimitExceededError, UnsupportedArtifactError

CASES = []


def case(message, *, error=CorruptArtifactError, at="open"):
    def register(make):
        CASES.append(pytest.param(make, error, message, at, id=make.__name__))
        return make

    return register


def read_until(path, at):
    with Artifact.open(path) as artifact:
        assert at == "verify"
        artifact.verify()


@pytest.mark.parametrize(("make", "error", "message", "at"), CASES)
def test_refused(make, error, message, at, tmp_path):
    path = tmp_path / "model.prunepack"
    path.write_bytes(make())
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(error) as caught:
        read_until(path, at)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert peak < 64 * 1024**2
    assert time.process_time() - started < 5


def test_a_sound_one_is_read(tmp_path):
    sample = SampleV2()
    with Artifact.open(sample.write(tmp_path / "sound")) as artifact:
        artifact.verify()
        assert artifact.read_file("model.onnx") == sample.content
        assert artifact.read_literals("model.onnx") == sample.content[: -sample.elements.nbytes]


def changed(change):
    sample = SampleV2()
    change(sample)
    return sample.assemble()


def parts(sample=None):
    sample = sample or SampleV2()
    header, sums = strip_checksums(sample.header)
    return canonical(header), sums, sample.payload_bytes()


# -- prefix, header and checksums -----------------------------------------------------------------


@case("the file ends early: expected at least 20 bytes, found 18")
def shorter_than_the_prefix():
    return SampleV2().assemble()[:18]


@case("the header does not fit into the file: expected from 1 to ")
def longer_than_the_file():
    return assemble_v2(*parts(), size=10**6)


@case("the header does not fit into the file: expected from 1 to ")
def no_header():
    return assemble_v2(*parts(), size=0)


@case("wrong CRC-32 of the stored bytes")
def wrong_crc():
    return assemble_v2(*parts(), crc=1)


@case("DEFLATE cannot read the header (Error -3 while decompressing data: ")
def not_deflate():
    return assemble_v2(b"", b"", stored=b"\xff" * 40)


@case("the header ends early: expected a last block, found ")
def no_last_block():
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    text = parts()[0]
    return assemble_v2(
        b"", b"", stored=compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
    )


@case(
    "the artifact exceeds the reader limit `header_bytes`: expected at most 16777216, found 167772",
    error=LimitExceededError,
)
def deflate_bomb():
    return assemble_v2(b"", b"", stored=deflate(bytes(2**26)))


@case("the header has too few checksums: expected at least ")
def too_few_checksums():
    text, sums, payload = parts()
    return assemble_v2(text, sums[:-1], payload)


@case("the header has too few checksums: expected at least 32 bytes, found 0")
def no_checksums():
    text, _, payload = parts()
    return assemble_v2(text, b"", payload)


@case("the header has too many checksums: expected ")
def too_many_checksums():
    text, sums, payload = parts()
    return assemble_v2(text, sums + b"more", payload)


@case(
    "wrong fields of header.files[0]: expected name, segments, size, found name, "
    "segments, sha256, size"
)
def checksum_in_json():
    sample = SampleV2()
    header, sums = strip_checksums(sample.header)
    header["files"][0]["sha256"] = sample.file["sha256"]
    return assemble_v2(canonical(header), sums, sample.payload_bytes())


@case("file `model.onnx`: wrong SHA-256", at="verify")
def wrong_digest():
    return changed(lambda sample: sample.file.update(sha256="0" * 64))


@case(
    "the artifact requires features that this version does not have: expected none, found more",
    error=UnsupportedArtifactError,
)
def required_feature():
    return changed(lambda sample: sample.header.update(required=["more"]))


# -- literals -------------------------------------------------------------------------------------


def with_list(index, **fields):
    return changed(lambda sample: sample.literal["lists"][index].update(fields))


@case(
    "literal chunk 0: list 0: unknown form of a list: expected one of fields, fixed, "
    "varint, found 'eval'",
    error=UnsupportedArtifactError,
)
def unknown_form():
    return with_list(0, form="eval")


@case(
    "list 0: unknown dtype of a list of the form fixed: expected one of float32, "
    "float64, found 'int8'",
    error=UnsupportedArtifactError,
)
def dtype_of_another_form():
    return with_list(0, dtype="int8")


@case("list 0: unknown codec: expected one of bitmap,", error=UnsupportedArtifactError)
def unknown_codec():
    return with_list(0, codec="pickle")


@case("list 0: wrong number of items: expected from 1 to ")
def too_many_items():
    return with_list(0, count=10**9)


@case("list 0: wrong number of items: expected from 1 to ")
def no_items():
    return with_list(0, count=0)


@case("list 0: wrong type or length of stream elements")
def another_count():
    return with_list(0, count=4)


@case("the text of a literal chunk does not fit: expected at least ")
def skips_more_than_the_text():
    return with_list(0, skip=10**6)


@case("text: wrong type or length of stream text: expected 1 to ")
def text_of_another_type():
    return changed(lambda sample: sample.literal["text"].update(dtype="int8"))


@case("text: wrong type or length of stream text: expected 1 to ")
def empty_text():
    return changed(lambda sample: sample.literal["text"].update(count=0))


@case(
    "text: unknown compressor: expected one of lzma, pcodec, zstd, found 'os'",
    error=UnsupportedArtifactError,
)
def unknown_compressor_of_text():
    return changed(lambda sample: sample.literal["text"].update(coder="os"))


@case("the text of a literal chunk does not fit: expected ")
def short_text_without_lists():
    def change(sample):
        sample.literal["lists"] = []
        for key in [key for key in sample.payload if key[0] == "a" and key != ("a", 9)]:
            del sample.payload[key]

    return changed(change)


@case("literal chunk 0: text and lists do not fill the literal chunk: expected ", at="verify")
def short_list():
    def change(sample):
        items = np.zeros(6, "<u2")
        sample.put_list(1, "elements", items)

    return changed(change)


@case("literal chunk 0: a list is larger than its chunk: expected at most ", at="verify")
def long_labels():
    def change(sample):
        text = sample.text.replace(b"\x4a\x04leaf", b"\x4a\x30" + b"l" * 48)
        sample.put_text(text)

    return changed(change)


@case("literal chunk 0: a list is larger than its chunk: expected at most ", at="verify")
def long_varints():
    def change(sample):
        items = np.full(20, 2**64 - 1, "<u8")
        sample.literal["lists"][1].update(dtype="uint64", count=20)
        sample.put_list(1, "elements", items)

    return changed(change)


@case("literal chunk 0: the text ends before the pattern of a list", at="verify")
def label_that_does_not_exist():
    return changed(lambda sample: sample.put_list(2, "elements", np.full(6, 9, "<u1")))


@case("literal chunk 0: the text ends before the pattern of a list", at="verify")
def label_without_an_end():
    def change(sample):
        at = sample.text.index(b"\x4a\x04leaf")
        text = sample.text[:at] + b"\x4a" + b"\xff" * (len(sample.text) - at - 1)
        sample.put_text(text)

    return changed(change)


@case("literal chunk 0: the text ends before the pattern of a list", at="verify")
def no_room_for_a_tag():
    def change(sample):
        del sample.literal["lists"][1:]
        for key in [key for key in sample.payload if key[:2] in {("a", 1), ("a", 2)}]:
            del sample.payload[key]
        sample.literal["lists"][0]["skip"] = 3
        sample.put_text(b"abc")

    return changed(change)


# -- copies, codecs and compressors ---------------------------------------------------------------


def copy(axes, shape, of="w"):
    entry = {"axes": axes, "name": "t", "of": of, "shape": shape}
    return changed(lambda sample: sample.header.update(copies=[entry]))


@pytest.mark.parametrize("axes", [[0, 0], [1, 2], [1], [1, 0, 2], [2, 1]])
def test_axes_that_are_no_order(axes, tmp_path):
    path = tmp_path / "model.prunepack"
    path.write_bytes(copy(axes, [3, 4]))
    with pytest.raises(
        CorruptArtifactError, match="`t` cannot be the transposed `w`: expected the dim"
    ):
        Artifact.open(path)


@case(
    "tensor `t` cannot be the transposed `w`: expected the dimensions [4, 3] in "
    "another order, found axes [1, 0] and shape [4, 3]"
)
def axes_of_another_shape():
    return copy([1, 0], [4, 3])


@case(
    "the artifact exceeds the reader limit `transposed_bytes`: expected at most "
    "1073741824, found 3221225472",
    error=LimitExceededError,
)
def huge_transposed_copy():
    def change(sample):
        chunks = [{"codec": "zeros", "streams": {}}] * 768
        tensors = [{"name": "z", "shape": [3, 2**28]}]
        pool = {"chunk": 2**20, "chunks": chunks, "dtype": "float32", "tensors": tensors}
        sample.header["pools"].append(pool)
        sample.header["copies"] = [{"axes": [1, 0], "name": "t", "of": "z", "shape": [2**28, 3]}]

    return changed(change)


@case("cannot be the transposed `n`")
def transposed_halves_of_bytes():
    def change(sample):
        sample.add_pool("dense", "int4", np.arange(1, 9, dtype="<u1"), (4, 4), "n")
        sample.header["copies"] = [{"axes": [1, 0], "name": "t", "of": "n", "shape": [4, 4]}]

    return changed(change)


@case("tensor `t`, chunk 0: stream signs: the stream has the wrong length: expected ", at="verify")
def lzma_bomb():
    def change(sample):
        items = np.tile(np.arange(1, 51) * [[1], [-1]], 2).astype("<f4").ravel()
        sample.add_pool("signs", "float32", items, (200,), "t", "lzma")
        big = np.zeros(2**26, "<u1")
        count = sample.header["pools"][1]["chunks"][0]["streams"]["signs"]["count"]
        entry = sample._encode(("b", 11, "signs"), big, "lzma")
        sample.header["pools"][1]["chunks"][0]["streams"]["signs"] = {**entry, "count": count}

    return changed(change)


def signs(**arrays):
    def change(sample):
        sample.add_pool("signs", "float32", np.tile([1, -1, 2], 33).astype("<f4"), (99,), "t")
        streams = sample.header["pools"][1]["chunks"][0]["streams"]
        for name, array in arrays.items():
            streams[name] = sample._encode(("b", 11, name), array, "zstd")

    return changed(change)


@case("tensor `t`, chunk 0: a magnitude has the bit of a sign", at="verify")
def magnitude_with_a_sign():
    return signs(magnitudes=np.full(99, 2**31, "<u4"))


@case("tensor `t`, chunk 0: the signs have a one after the last element", at="verify")
def sign_after_the_end():
    return signs(signs=np.full(13, 255, "<u1"))


@case("tensor `t`, chunk 0: code, rest and tiny contradict each other: expected ", at="verify")
def too_few_tiny_values():
    def change(sample):
        items = np.where(np.arange(100) % 3, 1.5, 1e-44).astype("<f4")
        sample.add_pool("contexts", "float32", items, (100,), "t")
        streams = sample.header["pools"][1]["chunks"][0]["streams"]
        streams["tiny"] = sample._encode(("b", 11, "tiny"), np.full(33, 7, "<u4"), "zstd")

    return changed(change)


def test_a_limit_can_be_raised(tmp_path):
    sample = SampleV2()
    sample.add_copy("t", "w", [3, 4], [1, 0], sample.w.T.tobytes())
    path = sample.write(tmp_path / "model.prunepack")
    with pytest.raises(
        LimitExceededError, match="`transposed_bytes`: expected at most 47, found 48"
    ):
        Artifact.open(path, Limits(transposed_bytes=47))
    with Artifact.open(path, Limits(transposed_bytes=48)) as artifact:
        artifact.verify()
        assert np.array_equal(artifact.read_tensor("t"), sample.w.T)
        assert np.array_equal(np.concatenate(list(artifact.iter_tensor("t"))), sample.w.T.ravel())
        assert artifact.read_tensor("t").flags.c_contiguous
