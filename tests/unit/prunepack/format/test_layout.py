"""Offsets follow from the header alone."""

from artifact_crafting import Sample, canonical

from prunepack.format.header_v1 import parse_v1
from prunepack.format.layout import Layout


def test_streams_lie_back_to_back_in_header_order():
    sample = Sample()
    layout = Layout.from_header(parse_v1(canonical(sample.header)))
    (pool,) = layout.pools
    texts = [literal.text for literal in layout.literals]
    placed = [*texts, *(s for chunk in pool.chunks for s in chunk.streams.values())]
    offset = 0
    for stream in placed:
        assert stream.offset == offset
        offset += stream.size
    assert offset == len(sample.payload_bytes())
    assert [list(chunk.streams) for chunk in pool.chunks] == [["gaps", "values"], ["elements"]]
    assert [chunk.count for chunk in pool.chunks] == [12, 6]
    assert [(t.name, t.start) for t in layout.tensors.values()] == [
        ("w", 0),
        ("b", 12),
        ("scalar", 17),
    ]


def test_literals_of_later_files_follow_those_of_earlier_ones():
    sample = Sample()
    sample.file["segments"] = [5, "w"]
    sample.header["files"].append({**sample.file, "name": "b", "segments": [3, "b", "scalar"]})
    layout = Layout.from_header(parse_v1(canonical(sample.header)))
    assert layout.literal_starts == {"model.onnx": 0, "b": 5}
    assert [literal.size for literal in layout.literals] == [8]


def test_a_pool_of_one_is_called_by_its_tensor():
    sample = Sample()
    assert Layout.from_header(parse_v1(canonical(sample.header))).pools[0].label == "pool 0"
    del sample.pool["tensors"][1:]
    sample.pool["chunks"] = sample.pool["chunks"][:1]
    label = Layout.from_header(parse_v1(canonical(sample.header))).pools[0].label
    assert label == "tensor `w`"
