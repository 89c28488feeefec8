"""Safetensors checkpoints that must not be packed, and odd ones that must come back unharmed."""

import json
import struct

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file

import prunepack
from prunepack.errors import RefusedError
from prunepack.model_files.safetensors_header import MAX_HEADER_BYTES

WEIGHT = np.arange(40, dtype=np.float32)
RAW = WEIGHT.tobytes()
ENTRY = {"dtype": "F32", "shape": [5, 8], "data_offsets": [0, 160]}
AGAIN = ". Fetch or save it again"


def checkpoint(header, data=RAW, size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def entry(**changes):
    return checkpoint({"w": {**ENTRY, **changes}})


def text_of(*parts):
    return checkpoint(b"".join(parts))


W = json.dumps(ENTRY).encode()

REFUSED = {
    "empty": (
        b"",
        "not a safetensors checkpoint: expected a complete header of 2 to 100000000 bytes",
    ),
    "shorter than the prefix": (b"\x02\0\0", "found a header of 2 bytes in a file of 3"),
    "header of length 0": (checkpoint({}, size=0), "found a header of 0 bytes in a file of 170"),
    "header beyond the file": (checkpoint({}, b"", 3), "found a header of 3 bytes in a file of 10"),
    "header beyond the limit": (
        checkpoint({}, size=MAX_HEADER_BYTES + 1),
        "found a header of 100000001 bytes in a file of 170",
    ),
    "header of 2^63": (checkpoint({}, size=2**63), "found a header of 9223372036854775808 bytes"),
    "not UTF-8": (
        text_of(b'{"\xff":1}'),
        "the header: expected JSON in UTF-8, found 'utf-8' codec",
    ),
    "not Unicode": (
        text_of(b'{"\\ud800":', W, b"}"),
        "the header: expected JSON in UTF-8, found 'utf-8' codec can't encode",
    ),
    "byte-order mark": (
        text_of(b'\xef\xbb\xbf{"w":', W, b"}"),
        "the header: expected JSON in UTF-8, found Unexpected UTF-8 BOM",
    ),
    "not JSON": (text_of(b"{w}"), "expected JSON in UTF-8, found Expecting property name"),
    "endless number": (
        text_of(b'{"w":', b"9" * 5000, b"}"),
        "expected JSON in UTF-8, found Exceeds the limit (4300 digits)",
    ),
    "cut off": (checkpoint({"w": ENTRY})[:40], "found a header of 66 bytes in a file of 40"),
    "no object": (text_of(b"[1]"), "the header: expected an object, found [1]"),
    "repeated tensor": (
        text_of(b'{"w":', W, b',"w":', W, b"}"),
        "the header: expected each key once, found 'w' twice",
    ),
    "repeated field": (
        text_of(b'{"w":{"dtype":"F32","dtype":"F32"}}'),
        "the header: expected each key once, found 'dtype' twice",
    ),
    "NaN": (text_of(b'{"w":NaN}'), "the header: expected JSON, found NaN"),
    "infinity": (text_of(b'{"w":-Infinity}'), "the header: expected JSON, found -Infinity"),
    "deep nesting": (
        text_of(b'{"w":', b"[" * 10**6, b"]" * 10**6, b"}"),
        "the header: expected objects in one object, found deep nesting",
    ),
    "metadata of numbers": (
        checkpoint({"__metadata__": {"a": 1}, "w": ENTRY}),
        "__metadata__: expected an object of strings, found {'a': 1}",
    ),
    "entry that is none": (
        checkpoint({"w": 5}),
        "tensor `w`: malformed safetensors checkpoint, its entry: expected dtype, shape and data_o",
    ),
    "missing field": (
        checkpoint({"w": {"dtype": "F32", "shape": [40]}}),
        "its entry: expected dtype, shape and data_offsets, found {'dtype': 'F32', 'shape': [40]}",
    ),
    "type that is no string": (entry(dtype=["F32"]), "its dtype: expected a string, found ['F32']"),
    "shape that is no list": (entry(shape="40"), "its shape: expected a list of integers from 0"),
    "negative dimension": (entry(shape=[-5, -8]), "its shape: expected a list of integers from 0"),
    "dimension beyond 64 bits": (entry(shape=[2**63]), "found [9223372036854775808]"),
    "dimension that is a float": (entry(shape=[5.0, 8]), "found [5.0, 8]"),
    "dimension that is a truth": (entry(shape=[True, 40]), "found [True, 40]"),
    "product that overflows": (
        entry(shape=[2**62, 2**62]),
        f"its data_offsets: expected {2**126} bytes, found 160",
    ),
    "another size": (entry(shape=[5, 9]), "its data_offsets: expected 180 bytes, found 160"),
    "one offset": (entry(data_offsets=[0]), "expected first and last, in order, found [0]"),
    "three offsets": (entry(data_offsets=[0, 160, 160]), "in order, found [0, 160, 160]"),
    "reversed offsets": (entry(data_offsets=[160, 0]), "in order, found [160, 0]"),
    "negative offset": (
        entry(data_offsets=[-160, 0]),
        "its data_offsets: expected a list of integers from 0",
    ),
    "infinite offset": (
        text_of(b'{"w":{"dtype":"F32","shape":[40],"data_offsets":[0,1e999]}}'),
        "[0, inf]",
    ),
    "past the end": (
        checkpoint({"w": ENTRY}, bytes(150)),
        "tensor `w`: expected bytes from 0 on, and at most 150, found bytes 0 to 160",
    ),
    "far past the end": (
        entry(dtype="F99", data_offsets=[0, 2**62]),
        f"expected bytes from 0 on, and at most 160, found bytes 0 to {2**62}",
    ),
    "trailing bytes": (
        checkpoint({"w": ENTRY}, bytes(161)),
        "the file: expected 234 bytes, found 235",
    ),
    "gap": (
        checkpoint({"w": {**ENTRY, "data_offsets": [1, 161]}}, bytes(161)),
        "tensor `w`: expected bytes from 0 on, and at most 161, found bytes 1 to 161",
    ),
    "overlap": (
        checkpoint({"v": ENTRY, "w": {**ENTRY, "data_offsets": [80, 240]}}, bytes(240)),
        "tensor `w`: expected bytes from 160 on, and at most 240, found bytes 80 to 240",
    ),
    "the same bytes twice": (
        checkpoint({"v": ENTRY, "w": ENTRY}),
        "tensor `w`: expected bytes from 160 on, and at most 160, found bytes 0 to 160",
    ),
}


def pack(folder, data, name="m.safetensors"):
    path = folder / name
    path.write_bytes(data)
    prunepack.pack(path, folder / "out.prunepack")


@pytest.mark.parametrize("name", REFUSED)
def test_checkpoints_that_are_refused(name, tmp_path):
    data, message = REFUSED[name]
    with pytest.raises(RefusedError) as caught:
        pack(tmp_path, data)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'm.safetensors'}: ")
    assert message in text
    assert text.endswith(AGAIN)
    assert len(text) < len(str(tmp_path)) + 300
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "repeated tensor"])
def test_the_safetensors_library_refuses_the_same(name, tmp_path):
    """Except a repeated name, whose last entry it takes."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(REFUSED[name][0])
    with pytest.raises((SafetensorError, OverflowError)):
        load_file(path)


ODD = {
    "no tensors": (checkpoint({}, b""), []),
    "padded header": (text_of(b'{"w":', W, b"}", b" " * 7), ["w"]),
    "metadata": (checkpoint({"__metadata__": {"a": "b"}, "w": ENTRY}), ["w"]),
    "no metadata": (checkpoint({"__metadata__": None, "w": ENTRY}), ["w"]),
    "unknown type": (entry(dtype="F99", shape=[3]), []),
    "tensor without elements": (
        checkpoint({"w": ENTRY, "none": {**ENTRY, "shape": [0, 3], "data_offsets": [0, 0]}}),
        ["w"],
    ),
    "scalar": (
        checkpoint({"s": {"dtype": "F64", "shape": [], "data_offsets": [0, 8]}}, bytes(8)),
        [],
    ),
    "deep shape": (entry(shape=[1] * 32 + [40]), []),
    "empty name": (checkpoint({"": ENTRY}), ["unnamed"]),
    "long name": (checkpoint({"a" * 2000: ENTRY}), ["a" * 1004]),
    "names that are equal after normalisation": (
        checkpoint(
            {"\u00e9": ENTRY, "e\u0301": {**ENTRY, "data_offsets": [160, 320]}},
            RAW + WEIGHT[::-1].tobytes(),
        ),
        ["\u00e9", "e\u0301#2"],
    ),
}


@pytest.mark.parametrize("name", ["m.safetensors", "m.bin"])
@pytest.mark.parametrize("kind", ODD)
def test_odd_checkpoints_come_back(kind, name, tmp_path):
    data, names = ODD[kind]
    pack(tmp_path, data, name)
    with prunepack.Artifact.open(tmp_path / "out.prunepack") as artifact:
        assert list(artifact.tensors) == names
    prunepack.unpack(tmp_path / "out.prunepack", tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == data


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(60), b"\x89HDF\r\n\x1a\n", b"hello, world"])
def test_files_that_are_neither_model_nor_checkpoint(data, tmp_path):
    with pytest.raises(RefusedError) as caught:
        pack(tmp_path, data, "m.onnx")
    text = str(caught.value)
    assert text.startswith(
        f"{tmp_path / 'm.onnx'}: neither an ONNX model nor a safetensors checkpoint (not a protobuf"
    )
    assert text.endswith(". Give the .onnx file that an exporter wrote, or a .safetensors file")
