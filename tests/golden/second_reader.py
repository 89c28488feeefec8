"""A second reader, written from docs/format.md alone, with none of the package's code.

It does no more checking than it must: it exists so that the page and the package cannot drift
apart, and to show how little a reader in another language has to do.
"""

import hashlib
import json
import math
import struct
import zlib
from itertools import combinations

import numpy as np
import zstandard
from pcodec import wrapped
from second_reader_contexts import read_contexts

NUMPY_HAS = {f"{kind}{width}" for kind in ("int", "uint") for width in (8, 16, 32, 64)}
NUMPY_HAS |= {"float16", "float32", "float64"}
CARRIERS = {"bfloat16": "uint16"}  # other types that numpy has not: uint8
SHARING = {"int4": 2, "uint4": 2, "float4e2m1": 2, "int2": 4, "uint2": 4}


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
    name = pool["dtype"] if pool["dtype"] in NUMPY_HAS else CARRIERS.get(pool["dtype"], "uint8")
    carrier, sharing = np.dtype(name).newbyteorder("<"), SHARING.get(pool["dtype"], 1)
    sizes = [-(-math.prod(tensor["shape"]) // sharing) for tensor in pool["tensors"]]
    ends = np.cumsum(sizes).tolist()
    items = np.zeros(ends[-1], carrier)
    for start, chunk in zip(range(0, ends[-1], pool["chunk"]), pool["chunks"], strict=True):
        streams = {
            name: _decode(chunk["streams"][name], payload) for name in sorted(chunk["streams"])
        }
        out = items[start : start + pool["chunk"]]
        runs = list(_runs(pool["tensors"], sharing, start, start + out.size))
        _read_chunk(chunk["codec"], streams, out, runs)
    return {
        tensor["name"]: items[end - size : end]
        for tensor, size, end in zip(pool["tensors"], sizes, ends, strict=True)
    }


def _read_chunk(codec, streams, out, runs):
    values = streams.get("values")
    if codec == "dense":
        out[:] = streams["elements"]
    elif codec == "constant":
        (out[:],) = streams["value"]
    elif codec == "palette":
        out[:] = [streams["palette"][index] for index in streams["indices"]]
    elif codec == "gaps":
        place = -1
        for gap, value in zip(streams["gaps"].tolist(), values, strict=True):
            place += gap + 1
            out[place] = value
    elif codec == "bitmap":
        bits = [byte >> bit & 1 for byte in streams["bitmap"].tolist() for bit in range(8)]
        assert sum(bits) == values.size
        out[[place for place, bit in enumerate(bits) if bit]] = values
    elif codec == "groups":
        groups = streams["patterns"].size
        size, kept = out.size // groups, values.size // groups
        patterns = list(combinations(range(size), kept))
        for group, pattern in enumerate(streams["patterns"].tolist()):
            places = [group * size + place for place in patterns[pattern]]
            out[places] = values[group * kept : group * kept + kept]
    elif codec == "contexts":
        read_contexts(streams["code"].tolist(), streams.get("rest"), out, runs)
    else:
        assert (codec, streams) == ("zeros", {})


def _runs(tensors, sharing, start, stop):
    """Yield size, start in the tensor, row and kernel of each run of a chunk."""
    at = 0
    for tensor in tensors:
        shape = tensor["shape"]
        items = -(-math.prod(shape) // sharing)
        first, last = max(start - at, 0), min(stop - at, items)
        row, kernel = items, 1
        if len(shape) > 1 and sharing == 1:
            row, kernel = math.prod(shape[1:]), math.prod(shape[2:])
        if first < last:
            size = last - first
            yield (size, first, row, kernel) if row <= size else (size, first, size, 1)
        at += items


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
