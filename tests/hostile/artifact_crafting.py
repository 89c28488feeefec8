"""Artifacts made by hand: right in every checksum, wrong wherever a test wants them to be.

Nothing here uses the writer, so that a mistake in the writer cannot hide one in the reader.
"""

import copy
import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import zstandard

from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.number_lists import render
from prunepack.format.header_frame import DICTIONARY

MAGIC = b"\x89PPK\r\n\x1a\n"


def frame(data, *, level=3, checksum=True, content_size=True):
    return zstandard.ZstdCompressor(
        level=level, write_checksum=checksum, write_content_size=content_size
    ).compress(data)


def canonical(header):
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def assemble(
    header, payload=b"", *, magic=MAGIC, version=1, stored=None, sizes=None, crc=None, tail=b""
):
    """Put an artifact together; `header` is a JSON value, or bytes that take its place."""
    text = header if isinstance(header, bytes) else canonical(header)
    stored = frame(text) if stored is None else stored
    sizes = (len(stored), len(text)) if sizes is None else sizes
    prefix = magic + struct.pack("<III", version, *sizes)
    crc = zlib.crc32(prefix + stored) if crc is None else crc
    body = prefix + struct.pack("<I", crc) + stored + payload
    return body + hashlib.sha256(body).digest() + tail


def strip_checksums(header):
    """Return a header of version 2 without its checksums, and these as bytes."""
    header, sums = copy.deepcopy(header), b""
    for file in header["files"]:
        sums += bytes.fromhex(file.pop("sha256"))
    streams = []
    for chunk in header["literals"]["chunks"]:
        for numbers in chunk["lists"]:
            streams += [numbers["streams"][name] for name in sorted(numbers["streams"])]
        streams.append(chunk["text"])
    for chunk in (chunk for pool in header["pools"] for chunk in pool["chunks"]):
        streams += [chunk["streams"][name] for name in sorted(chunk["streams"])]
    return header, sums + b"".join(struct.pack("<I", stream.pop("crc32")) for stream in streams)


def deflate(text):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    return compressor.compress(text) + compressor.flush()


def assemble_v2(text, sums, payload=b"", *, stored=None, size=None, crc=None, tail=b""):
    """Put an artifact of version 2 together: `text` is its header, `sums` its checksums."""
    stored = deflate(text) + sums if stored is None else stored
    prefix = MAGIC + struct.pack("<II", 2, len(stored) if size is None else size)
    crc = zlib.crc32(prefix + stored) if crc is None else crc
    body = prefix + struct.pack("<I", crc) + stored + payload
    return body + hashlib.sha256(body).digest() + tail


class Sample:
    """A small sound artifact as a header value and its stored streams, ready to be spoilt.

    One file: 5 literal bytes, the tensor `w` (float32, 4 x 3, four nonzero), 3 literal bytes, the
    tensors `b` (float32, 5) and `scalar` (float32), which share a pool with `w`.
    """

    def __init__(self):
        self.w = np.zeros((4, 3), "<f4")
        self.w.flat[[1, 4, 5, 11]] = [1.5, -2, 0.25, -0.0]
        self.b = np.arange(1, 6, dtype="<f4")
        self.scalar = np.array(7.5, "<f4")
        literal = b"front" + b"mid"
        self.content = b"".join(
            [b"front", self.w.tobytes(), b"mid", self.b.tobytes(), self.scalar.tobytes()]
        )
        self.elements = np.concatenate([self.w.ravel(), self.b, self.scalar.ravel()])
        self.payload = {"literal": frame(literal)}
        self.header = {
            "copies": [],
            "files": [
                {
                    "name": "model.onnx",
                    "segments": [5, "w", 3, "b", "scalar"],
                    "sha256": hashlib.sha256(self.content).hexdigest(),
                    "size": len(self.content),
                }
            ],
            "literals": {"chunk": 4096, "chunks": [{"crc32": 0, "size": 0}]},
            "pools": [
                {
                    "chunk": 12,
                    "chunks": [
                        {"codec": "gaps", "streams": {}},
                        {"codec": "dense", "streams": {}},
                    ],
                    "dtype": "float32",
                    "tensors": [
                        {"name": "w", "shape": [4, 3]},
                        {"name": "b", "shape": [5]},
                        {"name": "scalar", "shape": []},
                    ],
                }
            ],
            "required": [],
        }
        self.put(0, "gaps", np.array([1, 2, 0, 5], "<u2"))
        self.put(0, "values", np.array([1.5, -2, 0.25, -0.0], "<f4"))
        self.put(1, "elements", self.elements[12:])
        self.store("literal", self.payload["literal"])

    @property
    def pool(self):
        return self.header["pools"][0]

    @property
    def file(self):
        return self.header["files"][0]

    def chunk(self, index):
        return self.pool["chunks"][index]

    def stream(self, index, name):
        return self.chunk(index)["streams"][name]

    def put(self, index, name, array, coder="zstd"):
        """Encode `array` as a stream of a chunk."""
        data = COMPRESSORS[coder].encode(array)
        entry = {"coder": coder, "count": array.size, "dtype": array.dtype.name}
        self.chunk(index)["streams"][name] = {**entry, "crc32": 0, "size": 0}
        self.store((index, name), data)

    def store(self, key, data):
        """Replace stored bytes, with the size and the CRC-32 that go with them."""
        self.payload[key] = data
        entry = self.header["literals"]["chunks"][0] if key == "literal" else self.stream(*key)
        entry |= {"crc32": zlib.crc32(data), "size": len(data)}

    def payload_bytes(self):
        """Return the stored bytes in header order."""
        keys = sorted(key for key in self.payload if key != "literal")
        return b"".join([self.payload["literal"], *(self.payload[key] for key in keys)])

    def spoilt(self, **changes):
        """Return the artifact with some top-level fields of its header replaced."""
        header = copy.deepcopy(self.header)
        for key, value in changes.items():
            header[key] = value
        return assemble(header, self.payload_bytes())

    def assemble(self, **changes):
        """Return the artifact as it stands."""
        return assemble(self.header, self.payload_bytes(), **changes)

    def write(self, path: Path):
        path.write_bytes(self.assemble())
        return path


class SampleV2(Sample):
    """The same artifact in version 2, with a list of each form in its literal bytes.

    The literal bytes begin with `front`; three lists follow, each with a byte `|` before it.
    """

    LISTS = (
        ("fixed", b"\x3d", np.array([1.5, -2, 1.5, 1.5, 0], "<f4")),
        ("varint", b"\x40", np.array([0, 127, 128, 16383, 16384, 65535], "<u2")),
        ("fields", b"\x4a\x04leaf\x4a\x06branch", np.array([0, 1, 1, 0, 1, 0], "<u1")),
    )

    def __init__(self):
        super().__init__()
        self.text, literal, lists = b"", b"", []
        self.payload.pop("literal")
        for index, (form, pattern, items) in enumerate(self.LISTS):
            before = b"front|" if index == 0 else b"|"
            content, used = render(form, memoryview(pattern), items, 1000)
            assert used == len(pattern)
            literal += before + content
            self.text += before + pattern
            lists.append({"codec": "dense", "count": items.size, "dtype": items.dtype.name})
            lists[-1] |= {"form": form, "skip": len(before), "streams": {}}
        self.text += b"mid"
        self.header["literals"]["chunks"] = [{"lists": lists, "text": {}}]
        for index, (_, _, items) in enumerate(self.LISTS):
            self.put_list(index, "elements", items)
        self.put_text(self.text)
        self.content = literal + b"mid" + self.elements.tobytes()
        self.file["segments"] = [len(literal) + 3, "w", "b", "scalar"]
        self.seal()

    @property
    def literal(self):
        return self.header["literals"]["chunks"][0]

    def seal(self):
        """Make size and SHA-256 those of the content."""
        self.file["size"] = len(self.content)
        self.file["sha256"] = hashlib.sha256(self.content).hexdigest()

    def put_text(self, text, coder="zstd"):
        self.literal["text"] = self._encode(("a", 9), np.frombuffer(text, "<u1"), coder)

    def put_list(self, index, name, array, coder="zstd"):
        self.literal["lists"][index]["streams"][name] = self._encode(
            ("a", index, name), array, coder
        )

    def put(self, index, name, array, coder="zstd"):
        self.chunk(index)["streams"][name] = self._encode(("b", index, name), array, coder)

    def _encode(self, key, array, coder):
        data = COMPRESSORS[coder].encode(array)
        self.payload[key] = data
        entry = {"coder": coder, "count": array.size, "dtype": array.dtype.name}
        return {**entry, "crc32": zlib.crc32(data), "size": len(data)}

    def add_pool(self, codec, dtype, items, shape, name, coder="pcodec"):
        """Add a pool of one tensor, encoded by `codec` as `make_chunk` of the tests does."""
        from chunk_elements import make_chunk

        pools = self.header["pools"]
        streams = CODECS[codec].encode(make_chunk(items, shape))
        entries = {
            key: self._encode(("b", 10 + len(pools), key), array, coder)
            for key, array in streams.items()
        }
        chunk = {"codec": codec, "streams": entries}
        tensors = [{"name": name, "shape": list(shape)}]
        pools.append({"chunk": items.size, "chunks": [chunk], "dtype": dtype, "tensors": tensors})
        self.file["segments"].append(name)
        self.content += items.tobytes()
        self.seal()

    def add_copy(self, name, of, shape, axes, content):
        self.header["copies"].append({"axes": axes, "name": name, "of": of, "shape": shape})
        self.file["segments"].append(name)
        self.content += content
        self.seal()

    def store(self, key, data):
        if key != "literal":  # the first version's
            super().store(key, data)

    def payload_bytes(self):
        return b"".join(self.payload[key] for key in sorted(self.payload, key=repr))

    def assemble(self, **changes):
        header, sums = strip_checksums(self.header)
        return assemble_v2(canonical(header), sums, self.payload_bytes(), **changes)
