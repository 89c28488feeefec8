"""The header as dataclasses and back. The errors are in tests/hostile."""

from artifact_crafting import Sample, canonical

from prunepack.format.header import Chunk, Copy, Header, Stream, Tensor


def test_there_and_back():
    sample = Sample()
    sample.header["copies"] = [{"name": "tied", "of": "w", "shape": [12]}]
    header = Header.from_bytes(canonical(sample.header))
    assert header.to_bytes() == canonical(sample.header)
    assert header.files[0].segments == (5, "w", 3, "b", "scalar")
    assert header.copies == (Copy("tied", "w", (12,)),)
    assert header.pools[0].tensors[0] == Tensor("w", (4, 3))
    assert isinstance(header.pools[0].chunks[0], Chunk)
    assert isinstance(header.pools[0].chunks[0].streams["gaps"], Stream)
