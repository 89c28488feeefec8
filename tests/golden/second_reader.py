"""A second reader, written from docs/format.md alone, with none of the package's code.

It does no more checking than it must: it exists so that the page and the package cannot drift
apart, and to show how little a reader in another language has to do.
"""

import hashlib
import json
import math
import struct
import zlib

import numpy as np
import zstandard
from pcodec import wrapped

CARRIERS = {"bfloat16": "uint16", "bool": "uint8"}


def read(data):
    """Return the packed files and the tensors (as flat arrays of their carrier) of an artifact."""
    magic, version, stored, decoded, crc = struct.unpack_from("<8sIIII", data)
    assert (magic, version) == (b"\x89PPK\r\n\x1a\n", 1)
    assert zlib.crc32(data[24 : 24 + stored], zlib.crc32(data[:20])) == crc
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    text = zstandard.decompress(data[24 : 24 + stored])
    assert len(text) == decoded
    header = json.loads(text)
    assert header["required"] == []
    payload = _Payload(data[24 + stored : -32])
    literals = b"".join(
        zstandard.decompress(payload.take(frame)) for frame in header["literals"]["chunks"]
    )
    tensors = {}
    for pool in header["pools"]:
        tensors |= _read_pool(pool, payload)
    assert payload.at == len(payload.data)
    files = {file["name"]: b"" for file in header["files"]}
    by_name = tensors | {copy["name"]: tensors[copy["of"]] for copy in header["copies"]}
    at = 0
    for file in header["files"]:
        for segment in file["segments"]:
            if isinstance(segment, str):
                files[file["name"]] += by_name[segment].tobytes()
            else:
                files[file["name"]] += literals[at : at + segment]
                at += segment
        assert hashlib.sha256(files[file["name"]]).hexdigest() == file["sha256"]
    return files, by_name


class _Payload:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, entry):
        stored = self.data[self.at : self.at + entry["size"]]
        assert zlib.crc32(stored) == entry["crc32"]
        self.at += entry["size"]
        return stored


def _read_pool(pool, payload):
    carrier = np.dtype(CARRIERS.get(pool["dtype"], pool["dtype"])).newbyteorder("<")
    left = sum(math.prod(tensor["shape"]) for tensor in pool["tensors"])
    runs = [np.zeros(0, carrier)]
    for chunk in pool["chunks"]:
        count = min(pool["chunk"], left)
        left -= count
        streams = {
            name: _decode(chunk["streams"][name], payload) for name in sorted(chunk["streams"])
        }
        run = np.zeros(count, carrier)
        if chunk["codec"] == "dense":
            run[:] = streams["elements"]
        elif chunk["codec"] == "gaps":
            place = -1
            for gap, value in zip(streams["gaps"].tolist(), streams["values"], strict=True):
                place += gap + 1
                run[place] = value
        else:
            assert (chunk["codec"], streams) == ("zeros", {})
        runs.append(run)
    elements, at, tensors = np.concatenate(runs), 0, {}
    for tensor in pool["tensors"]:
        size = math.prod(tensor["shape"])
        tensors[tensor["name"]] = elements[at : at + size]
        at += size
    return tensors


def _decode(stream, payload):
    stored = payload.take(stream)
    dtype = np.dtype(stream["dtype"]).newbyteorder("<")
    if stream["coder"] == "zstd":
        return np.frombuffer(zstandard.decompress(stored), dtype, stream["count"])
    assert stream["coder"] == "pcodec"
    out = np.empty(stream["count"], dtype)
    file, head = wrapped.FileDecompressor.new(stored)
    chunk, meta = file.chunk_decompressor(stored[head:], f"{dtype.kind}{dtype.itemsize * 8}")
    chunk.read_page_into(stored[head + meta :], out.size, out)
    return out
