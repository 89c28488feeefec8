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

from prunepack.coding.compressors import COMPRESSORS

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
