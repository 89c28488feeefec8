"""The header as dataclasses and back. The errors are in tests/hostile."""

from artifact_crafting import Sample, SampleV2, canonical, strip_checksums

from prunepack.format.header import Chunk, Copy, Header, LiteralChunk, Stream, Tensor
from prunepack.format.header_v1 import parse_v1


def test_there_and_back():
    sample = Sample()
    sample.header["copies"] = [{"name": "tied", "of": "w", "shape": [12]}]
    header = parse_v1(canonical(sample.header))
    assert Header.from_bytes(*header.to_bytes()) == header
    assert header.files[0].segments == (5, "w", 3, "b", "scalar")
    assert header.copies == (Copy("tied", "w", (12,)),)
    assert header.pools[0].tensors[0] == Tensor("w", (4, 3))
    assert isinstance(header.pools[0].chunks[0], Chunk)
    assert isinstance(header.pools[0].chunks[0].streams["gaps"], Stream)
    assert header.literals.chunks == (
        LiteralChunk((), Stream("zstd", "uint8", 8, *_stored(sample.header["literals"]))),
    )


def _stored(literals):
    (frame,) = literals["chunks"]
    return frame["size"], frame["crc32"]


def test_checksums_are_bytes_in_the_order_of_the_header():
    sample = SampleV2()
    header, sums = strip_checksums(sample.header)
    parsed = Header.from_bytes(canonical(header), sums)
    assert parsed.to_bytes() == (canonical(header), sums)
    assert parsed.files[0].sha256 == sample.file["sha256"]
    gaps = parsed.pools[0].chunks[0].streams["gaps"]
    assert gaps.crc32 == sample.stream(0, "gaps")["crc32"]
