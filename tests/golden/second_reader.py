"""A second reader, written from docs/format.md alone, with none of the package's code.

It does no more checking than it must: it exists so that the page and the package cannot drift
apart, and to show how little a reader in another language has to do.
"""

import hashlib
import json
import lzma
import math
import re
import struct
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import zstandard
from pcodec import wrapped
from second_reader_contexts import read_contexts

NUMPY_HAS = {f"{kind}{width}" for kind in ("int", "uint") for width in (8, 16, 32, 64)}
NUMPY_HAS |= {"float16", "float32", "float64"}
CARRIERS = {"bfloat16": "uint16"}  # other types that numpy has not: uint8
PAGE = Path(__file__).parents[2] / "docs" / "format.md"
SHARING = {"int4": 2, "uint4": 2, "float4e2m1": 2, "int2": 4, "uint2": 4}


def read(data):
    """Return the packed files and the tensors (as flat arrays of their carrier) of an artifact."""
    magic, version = struct.unpack_from("<8sI", data)
    assert magic == b"\x89PPK\r\n\x1a\n"
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    header, start = {1: _read_header_v1, 2: _read_header}[version](data)
    assert header["required"] == []
    payload = _Payload(data[start:-32])
    literals = b"".join(_read_literals(chunk, payload) for chunk in header["literals"]["chunks"])
    tensors, shapes = {}, {}
    for pool in header["pools"]:
        tensors |= _read_pool(pool, payload)
        shapes |= {tensor["name"]: tensor["shape"] for tensor in pool["tensors"]}
    assert payload.at == len(payload.data)
    files = {file["name"]: b"" for file in header["files"]}
    by_name = tensors | {
        copy["name"]: _transpose(tensors[copy["of"]], shapes[copy["of"]], copy.get("axes"))
        for copy in header["copies"]
    }
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


def _read_header_v1(data):
    stored, decoded, crc = struct.unpack_from("<III", data, 12)
    assert zlib.crc32(data[24 : 24 + stored], zlib.crc32(data[:20])) == crc
    text = zstandard.decompress(data[24 : 24 + stored])
    assert len(text) == decoded
    return json.loads(text), 24 + stored


def _read_header(data):
    """Return the header of version 2, with its checksums in it as in version 1."""
    stored, crc = struct.unpack_from("<II", data, 12)
    region = data[20 : 20 + stored]
    assert zlib.crc32(region, zlib.crc32(data[:16])) == crc
    (dictionary,) = re.findall("```plain\n(.*?)```", PAGE.read_text(), re.DOTALL)
    inflate = zlib.decompressobj(-15, zdict=dictionary.replace("\n", "").encode())
    header = json.loads(inflate.decompress(region))
    sums = inflate.unused_data
    for file in header["files"]:
        file["sha256"], sums = sums[:32].hex(), sums[32:]
    for stream in _streams(header):
        stream["crc32"], sums = int.from_bytes(sums[:4], "little"), sums[4:]
    assert inflate.eof
    assert not sums
    return header, 20 + stored


def _streams(header):
    for chunk in header["literals"]["chunks"]:
        for numbers in chunk["lists"]:
            yield from (numbers["streams"][name] for name in sorted(numbers["streams"]))
        yield chunk["text"]
    for chunk in (chunk for pool in header["pools"] for chunk in pool["chunks"]):
        yield from (chunk["streams"][name] for name in sorted(chunk["streams"]))


def _transpose(items, shape, axes):
    return items.reshape(shape).transpose(axes).ravel() if axes else items


def _read_literals(chunk, payload):
    if "text" not in chunk:  # version 1
        return zstandard.decompress(payload.take(chunk))
    lists = []
    for numbers in chunk["lists"]:
        names = sorted(numbers["streams"])
        streams = {name: _decode(numbers["streams"][name], payload) for name in names}
        items = np.zeros(numbers["count"], np.dtype(numbers["dtype"]).newbyteorder("<"))
        _read_chunk(numbers["codec"], streams, items, [(items.size, 0, items.size, 1)])
        lists.append(items)
    text = _decode(chunk["text"], payload).tobytes()
    out, at = b"", 0
    for numbers, items in zip(chunk["lists"], lists, strict=True):
        out += text[at : at + numbers["skip"]]
        at += numbers["skip"]
        if numbers["form"] == "fields":
            patterns = []
            for _ in range(items.max() + 1):
                size, length = _read_varint(text, at + 1)
                patterns.append(text[at : at + 1 + length + size])
                at += 1 + length + size
            out += b"".join(patterns[item] for item in items)
        else:
            tag = text[at : at + 1]
            at += 1
            write = np.generic.tobytes if numbers["form"] == "fixed" else _write_varint
            out += b"".join(tag + write(item) for item in items)
    return out + text[at:]


def _read_varint(text, at):
    value = length = 0
    while True:
        value |= (text[at + length] & 0x7F) << (7 * length)
        length += 1
        if text[at + length - 1] < 0x80:
            return value, length


def _write_varint(item):
    value, out = int(item), []
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


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


def _read_signs(streams, words, runs):
    if "magnitudes" in streams:
        words[:] = streams["magnitudes"]
    else:
        _read_chunk("gaps", {name: streams[name] for name in ("gaps", "values")}, words, runs)
    highest = 1 << (8 * words.itemsize - 1)
    bits = [byte >> bit & 1 for byte in streams["signs"].tolist() for bit in range(8)]
    assert not any(bits[words.size :])
    for place, bit in enumerate(bits[: words.size]):
        assert int(words[place]) < highest
        words[place] |= words.dtype.type(highest * bit)


def _read_chunk(codec, streams, out, runs):  # noqa: C901 -- a case per codec
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
        read_contexts(streams["code"].tolist(), streams.get("rest"), streams.get("tiny"), out, runs)
    elif codec == "steps":
        steps = np.zeros_like(out).view(f"<u{out.itemsize}")
        _read_chunk("gaps", streams, steps, runs)
        out.view(steps.dtype)[:] = np.add.accumulate(steps, dtype=steps.dtype)
    elif codec == "signs":
        _read_signs(streams, out.view(f"<u{out.itemsize}"), runs)
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
    if stream["coder"] == "lzma":
        size = max(stream["count"] * dtype.itemsize, 4096)
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": size}]
        return np.frombuffer(lzma.decompress(stored, lzma.FORMAT_RAW, filters=filters), dtype)
    assert stream["coder"] == "pcodec"
    out = np.empty(stream["count"], dtype)
    file, head = wrapped.FileDecompressor.new(stored)
    chunk, meta = file.chunk_decompressor(stored[head:], f"{dtype.kind}{dtype.itemsize * 8}")
    chunk.read_page_into(stored[head + meta :], out.size, out)
    return out
