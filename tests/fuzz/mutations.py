"""Mutants with right checksums, so that they reach the code behind the checks of checksums.

An artifact is divided into its header and its streams, changed, and assembled again with the right
sizes, CRC-32 and SHA-256. Otherwise a wrong checksum would refuse nearly every mutant, and fuzzing
would reach nothing else.
"""

import copy
import json
import struct
import zlib
from hashlib import sha256

import numpy as np
import zstandard

from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.dtypes import DTYPES, STREAM_DTYPES, ArraySpec
from prunepack.coding.number_lists import FORMS
from prunepack.errors import RefusedError
from prunepack.format.header_frame import DICTIONARY

HEADS = {1: struct.Struct("<8sIIII"), 2: struct.Struct("<8sIII")}
VERSION = "\0version"
MOST = 2**20
DATA = "\0data"
WORDS = sorted({*CODECS, *COMPRESSORS, *DTYPES, *STREAM_DTYPES, *FORMS})
NUMBERS = [0, 1, 2, 3, 7, 8, 255, 256, 2**16, 2**20, 2**31, 2**32 - 1, 2**40, 2**53 - 1]


def frame(data):
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(data)


def unframe(data):
    """Return the content of a frame, or None if it is damaged or large."""
    try:
        if zstandard.get_frame_parameters(data).content_size > MOST:
            return None
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError:
        return None


def take_apart(data):
    """Return the header of an artifact, with its stored bytes in the entry of each stream."""
    version = data[8] if len(data) > 64 and data[8] in HEADS else 1
    head = HEADS[version]
    if len(data) < head.size + 32:
        return None
    stored = head.unpack_from(data)[2]
    region = data[head.size : head.size + stored]
    text, sums = (unframe(region), b"") if version == 1 else inflate(region)
    header = _parsed(text or b"")
    if not isinstance(header, dict):
        return None
    if version == 2:
        header[VERSION] = sums
    at = head.size + stored
    for entry in entries(header):
        size = entry.get("size")
        size = size if isinstance(size, int) and 0 <= size < len(data) else 0
        entry[DATA] = data[at : min(at + size, len(data) - 32)]
        at += size
    return header


def inflate(data):
    """Return the header of version 2 and its checksums, or nothing if it is damaged or large."""
    decompressor = zlib.decompressobj(-15, zdict=DICTIONARY)
    try:
        text = decompressor.decompress(data, MOST)
    except zlib.error:
        return None, b""
    return text, decompressor.unused_data


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def put_together(header):
    """Undo :func:`take_apart`, with sizes and checksums that are right."""
    header = copy.deepcopy(header)
    sums = header.get(VERSION)
    payload, crcs = b"", b""
    for entry in entries(header):
        stored = entry.pop(DATA, b"")
        entry["size"] = len(stored)
        if sums is None:
            entry["crc32"] = zlib.crc32(stored)
        crcs += struct.pack("<I", zlib.crc32(stored))
        payload += stored
    text = dump(_bare(header))
    if sums is None:
        return assemble(text, payload)
    return assemble_v2(text, sums[: 32 * len(_objects(_get(header, "files")))] + crcs, payload)


def assemble_v2(text, sums, payload):
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    stored = compressor.compress(text) + compressor.flush() + sums
    prefix = b"\x89PPK\r\n\x1a\n" + struct.pack("<II", 2, len(stored))
    body = prefix + struct.pack("<I", zlib.crc32(prefix + stored)) + stored + payload
    return body + sha256(body).digest()


def assemble(text, payload):
    stored = frame(text)
    prefix = b"\x89PPK\r\n\x1a\n" + struct.pack("<III", 1, len(stored), len(text))
    body = prefix + struct.pack("<I", zlib.crc32(prefix + stored)) + stored + payload
    return body + sha256(body).digest()


def dump(header):
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="replace")


def entries(header):
    """Yield the entries of all streams in the order in which they are stored."""
    for chunk in _objects(_get(header, "literals", "chunks")):
        if VERSION in header:
            for numbers in _objects(_get(chunk, "lists")):
                yield from _streams(numbers)
            yield from _objects([_get(chunk, "text")])
        else:
            yield chunk
    for pool in _objects(_get(header, "pools")):
        for chunk in _objects(_get(pool, "chunks")):
            yield from _streams(chunk)


def _streams(chunk):
    streams = _get(chunk, "streams")
    if isinstance(streams, dict):
        yield from _objects([streams[name] for name in sorted(streams)])


def _get(value, *keys):
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _objects(values):
    return [value for value in values or [] if isinstance(value, dict)] if _is_list(values) else []


def _is_list(value):
    return isinstance(value, list)


def _bare(value):
    """Return a JSON value without stored bytes in places where none belong."""
    if isinstance(value, dict):
        return {key: _bare(one) for key, one in value.items() if key not in {DATA, VERSION}}
    return [_bare(one) for one in value] if _is_list(value) else value


class Mutator:
    """Mutations of the inputs of each target, by a method of the target's name.

    Args:
        rng: A ``random.Random``.
        mutate: Changes bytes: a function of the bytes and of their greatest length afterwards.
    """

    def __init__(self, rng, mutate):
        self._rng = rng
        self._mutate = mutate

    def model(self, data, most):
        """Return a changed model of at most `most` bytes; a checkpoint's header has its size."""
        size = int.from_bytes(data[:8], "little")
        if data[8:9] != b"{" or size > len(data) or self._rng.random() < 0.1:
            return self._mutate(data, most)
        text, rest = data[8 : 8 + size], data[8 + size :]
        if self._rng.random() < 0.7 and (header := _parsed(text)):
            self._value(header)
            text = dump(header)
        else:
            text = self._mutate(text, len(text) + 64)
        return (struct.pack("<Q", len(text)) + text + rest)[:most]

    def artifact(self, data, most):
        """Return a changed artifact of at most `most` bytes, or the given one if it got longer."""
        header = take_apart(data)
        if header is None or self._rng.random() < 0.02:
            return self._mutate(data, most)
        for _ in range(self._rng.choice((1, 1, 1, 2, 4))):
            change = self._rng.choice(
                (self._value, self._value, self._stored, self._array, self._array, self._sizes)
            )
            change(header)
        made = put_together(header)
        return made if len(made) <= most else data

    def _value(self, header):
        """Change one value of the header."""
        holder, key = self._rng.choice(list(_places(header)) or [({}, None)])
        if key is None:
            return
        old = holder[key]
        if isinstance(old, int):
            holder[key] = self._rng.choice([old + 1, max(old - 1, 0), 2 * old, *NUMBERS])
        elif isinstance(old, str):
            holder[key] = self._rng.choice([*WORDS, *_texts(header), old + "x"])
        else:
            self._rng.choice((self._remove, self._repeat, self._swap))(holder, key)

    def _remove(self, holder, key):
        del holder[key]

    def _repeat(self, holder, key):
        if _is_list(holder):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif _is_list(holder[key]):
            holder[key] = holder[key] * 2

    def _swap(self, holder, key):
        other = self._rng.choice(_keys(holder))
        holder[key], holder[other] = holder[other], holder[key]

    def _stored(self, header):
        """Change the stored bytes of a stream."""
        if entry := self._entry(header):
            entry[DATA] = self._mutate(entry[DATA], len(entry[DATA]) + 64)

    def _array(self, header):
        """Change the array that a stream decodes to, and maybe its length."""
        entry = self._entry(header)
        array = _decoded(entry) if entry else None
        if array is None:
            return
        raw = array.tobytes()
        changed = self._mutate(raw, len(raw) + 64)
        if "count" in entry and self._rng.random() < 0.3:
            changed = changed[: len(changed) // array.itemsize * array.itemsize]
            entry["count"] = len(changed) // array.itemsize
        else:
            changed = (changed + raw)[: len(raw)]
        entry[DATA] = frame(changed)
        if "coder" in entry:
            entry["coder"] = "zstd"

    def _sizes(self, header):
        """Make the sizes of files what their segments add up to."""
        nbytes = {}
        for pool in _objects(_get(header, "pools")):
            dtype = DTYPES.get(str(_get(pool, "dtype")))
            for tensor in _objects(_get(pool, "tensors")):
                shape = _get(tensor, "shape")
                if dtype and _is_list(shape) and all(isinstance(one, int) for one in shape):
                    elements = int(np.prod([float(one) for one in shape]))
                    nbytes[_get(tensor, "name")] = dtype.nbytes(min(elements, MOST))
        for file in _objects(_get(header, "files")):
            segments = _get(file, "segments")
            if _is_list(segments):
                sizes = [
                    one if isinstance(one, int) else nbytes.get(str(one), 0) for one in segments
                ]
                file["size"] = sum(sizes)

    def _entry(self, header):
        found = [entry for entry in entries(header) if DATA in entry]
        return self._rng.choice(found) if found else None


def _places(value):
    """Yield (holder, key) of every value inside `value`."""
    for key in _keys(value):
        yield value, key
        yield from _places(value[key])


def _keys(value):
    """Return the keys of a JSON value, without those of stored bytes."""
    if isinstance(value, dict):
        return [key for key in value if key not in {DATA, VERSION}]
    return list(range(len(value))) if _is_list(value) else []


def _texts(header):
    return [holder[key] for holder, key in _places(header) if isinstance(holder[key], str)]


def _decoded(entry):
    """Return the array that a stream decodes to; literal bytes as ``uint8``."""
    if "coder" not in entry:
        content = unframe(entry[DATA])
        return None if content is None else np.frombuffer(content, np.uint8)
    dtype, count = STREAM_DTYPES.get(str(entry.get("dtype"))), entry.get("count")
    coder = COMPRESSORS.get(str(entry["coder"]))
    if dtype is None or coder is None or not isinstance(count, int) or not 0 < count <= MOST:
        return None
    try:
        return coder.decode(entry[DATA], ArraySpec(dtype, count))
    except RefusedError:
        return None
