"""The laws of the format: bit for bit, deterministic, and no foreign error for any input."""

import copy
import tempfile
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from artifact_crafting import Sample, assemble
from chunk_elements import decode, make_chunk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper

import prunepack
from prunepack import Artifact, Limits
from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.dtypes import DTYPES, STREAM_DTYPES, ArraySpec
from prunepack.coding.levels import LEVELS
from prunepack.errors import PrunepackError, RefusedError
from prunepack.format.canonical_json import dumps, loads
from prunepack.format.layout import PlacedChunk, PlacedStream
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.reading.decoder import decode_chunk
from prunepack.writing.encoder import encode_chunk

calm = settings(deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def element_arrays(draw, largest=600):
    """Draw bytes of any kind as elements of any carrier type: NaN payloads and -0.0 included."""
    dtype = draw(st.sampled_from(list(STREAM_DTYPES.values())))
    count = draw(st.integers(1, largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "zeros", "sparse", "few", "ramp", "edges"]))
    noise = np.frombuffer(rng.bytes(count * dtype.itemsize), dtype)
    if kind == "noise":
        return noise
    if kind == "zeros":
        return np.zeros(count, dtype)
    if kind == "few":
        return noise[rng.integers(0, min(3, count), count)]
    if kind == "ramp":
        return np.arange(count).astype(dtype)
    if kind == "edges":
        edges = np.frombuffer(b"\0" * 16 + b"\x80" * 16 + b"\xff" * 16 + b"\x7f" * 16, dtype)
        return edges[rng.integers(0, edges.size, count)]
    return np.where(rng.random(count) < draw(st.floats(0, 1)), np.zeros(count, dtype), noise)


@given(element_arrays())
@calm
def test_every_codec_comes_back_bit_for_bit(elements):
    for name, codec in CODECS.items():
        streams = codec.encode(make_chunk(elements))
        if streams is not None:
            specs = {key: ArraySpec(array.dtype, array.size) for key, array in streams.items()}
            codec.check(specs, ArraySpec(elements.dtype, elements.size))
            assert decode(name, streams, elements).tobytes() == elements.tobytes()


@given(element_arrays())
@calm
def test_every_compressor_comes_back_bit_for_bit(elements):
    for compressor, thorough in product(COMPRESSORS.values(), (False, True)):
        stored = compressor.encode(elements, thorough=thorough)
        back = compressor.decode(stored, ArraySpec(elements.dtype, elements.size))
        assert back.tobytes() == elements.tobytes()


@given(element_arrays(), st.sampled_from(list(LEVELS.values())))
@calm
def test_the_chosen_coding_comes_back_and_is_never_much_larger(elements, level):
    ((chunk, data),) = encode_chunk(make_chunk(elements), [level])
    assert [(chunk, data)] == encode_chunk(make_chunk(elements.copy()), [level])
    placed, at = {}, 0
    for name, s in chunk.streams.items():
        spec = ArraySpec(STREAM_DTYPES[s.dtype], s.count)
        placed[name] = PlacedStream(s.coder, spec, at, s.size, s.crc32)
        at += s.size
    out = make_chunk(np.zeros_like(elements))
    read = {s.offset: data[s.offset : s.offset + s.size] for s in placed.values()}
    decode_chunk(PlacedChunk(chunk.codec, elements.size, placed), out, lambda s: read[s.offset])
    assert out.elements.tobytes() == elements.tobytes()
    assert at == len(data) <= elements.nbytes + 100


@given(element_arrays())
@calm
def test_no_level_is_larger_than_a_lower_one(elements):
    costs = [result.cost for result in encode_chunk(make_chunk(elements), list(LEVELS.values()))]
    assert costs == sorted(costs, reverse=True)


@st.composite
def models(draw):
    """Draw an ONNX model with tensors of any type, shape and content, some of them the same."""
    tensors = []
    for index in range(draw(st.integers(0, 4))):
        dtype = draw(st.sampled_from(list(DTYPES.values())))
        shape = draw(st.lists(st.integers(0, 6), max_size=4))
        count = int(np.prod(shape, dtype=int))
        fill = draw(st.sampled_from([bytes, np.random.default_rng(index).bytes, _sparse_bytes]))
        raw = fill(dtype.nbytes(count))
        tensors.append(helper.make_tensor(f"t{index}", dtype.onnx_code, shape, raw, raw=True))
    return helper.make_model(helper.make_graph([], "g", [], [], tensors)).SerializeToString()


def _sparse_bytes(size):
    rng = np.random.default_rng(size)
    return np.where(rng.random(size) < 0.95, 0, rng.integers(0, 256, size)).astype("u1").tobytes()


@given(models())
@calm
def test_models_come_back_byte_for_byte(data):
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "m.onnx"
        model.write_bytes(data)
        prunepack.pack(model, Path(folder) / "one")
        prunepack.pack(model, Path(folder) / "two")
        assert (Path(folder) / "one").read_bytes() == (Path(folder) / "two").read_bytes()
        with Artifact.open(Path(folder) / "one") as artifact:
            assert artifact.read_file("m.onnx") == data
            for tensor in find_tensors(memoryview(data)):
                if tensor.name in artifact.tensors:
                    found = artifact.read_tensor(tensor.name)
                    start, stop = tensor.inline_range
                    if tensor.dtype.packed == 1:
                        assert found.tobytes() == data[start:stop]
                    assert found.shape == tuple(tensor.shape)


@given(models(), st.data())
@calm
def test_a_spoilt_model_is_packed_as_it_is_or_refused(data, draw):
    if data:
        at = draw.draw(st.integers(0, len(data) - 1))
        data = data[:at] + bytes([draw.draw(st.integers(0, 255))]) + data[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "m.onnx"
        model.write_bytes(data)
        with suppress(PrunepackError):
            prunepack.pack(model, Path(folder) / "p")
            with Artifact.open(Path(folder) / "p") as artifact:
                assert artifact.read_file("m.onnx") == data


@given(st.binary(max_size=300))
@calm
def test_no_bytes_upset_the_scanner(data):
    with suppress(RefusedError):
        list(find_tensors(memoryview(data)))


def read_everything(data, content):
    """Read a spoilt artifact; anything but one of our errors or the right content fails."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        limits = Limits(chunk_bytes=2**20, decoded_bytes=2**20)
        refusal, files = None, None
        try:
            with Artifact.open(file.name, limits) as artifact:
                artifact.verify()
                for name in artifact.tensors:
                    artifact.read_tensor(name)
                files = {name: artifact.read_file(name) for name in artifact.files}
        except RefusedError as error:
            refusal = str(error)
        assert refusal is None or refusal.startswith(file.name)
    if files is not None and content is not None:
        assert list(files.values()) == [content]
    return files


@pytest.mark.parametrize("bit", range(8))
def test_any_flipped_bit_is_a_named_error(bit):
    data = bytearray(Sample().assemble())
    for at in range(len(data)):
        data[at] ^= 1 << bit
        assert read_everything(data, Sample().content) is None
        data[at] ^= 1 << bit


@pytest.mark.parametrize("step", [1, 7])
def test_any_prefix_is_a_named_error(step):
    data = Sample().assemble()
    for size in range(0, len(data), step):
        assert read_everything(data[:size], None) is None


JUNK = [None, True, -1, 0, 1, 2, 7, 2**31, 2**53 - 1, 2**64, 0.5, "", "w", "zstd", "uint8", [], {}]


def places(value, path=()):
    """Yield the path of every value inside a header."""
    if path:
        yield path
    pairs = {dict: getattr(value, "items", list), list: lambda: enumerate(value)}
    for key, child in pairs.get(type(value), list)():
        yield from places(child, (*path, key))


def test_any_value_of_a_header_replaced_by_junk():
    """With every checksum made right again, so that only the meaning is wrong."""
    sample = Sample()
    sample.header["copies"] = [{"name": "tied", "of": "b", "shape": [5]}]
    survivors = 0
    for *parents, last in places(sample.header):
        for junk in JUNK:
            header = copy.deepcopy(sample.header)
            place = header
            for key in parents:
                place = place[key]
            place[last] = junk
            found = read_everything(assemble(header, sample.payload_bytes()), None)
            if found is not None:
                assert list(found.values()) == [sample.content]
                survivors += 1
    assert survivors > 0  # a chunk size may be larger than its pool, for one


@given(st.data())
@calm
def test_any_stored_bytes_replaced_by_junk(data):
    """With every checksum made right again, so that the libraries get to see it."""
    sample = Sample()
    if data.draw(st.booleans()):
        sample.put(1, "elements", sample.elements[12:], coder="pcodec")
        sample.put(0, "values", np.array([1.5, -2, 0.25, -0.0], "<f4"), coder="pcodec")
    key = data.draw(st.sampled_from(list(sample.payload)))
    stored = bytearray(sample.payload[key])
    for _ in range(data.draw(st.integers(1, 4))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    sample.store(key, bytes(stored))
    read_everything(sample.assemble(), sample.content)


json_values = st.recursive(
    st.integers(0, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc\u00e9"\\\n'), inner),
    max_leaves=20,
)


@given(json_values)
@calm
def test_json_has_one_form(value):
    assert loads(dumps(value)) == value


@given(st.text(st.sampled_from(list('{}[]",:0123456789-+.eE \t\ntruefalsnN\\u')), max_size=40))
@calm
def test_whatever_json_is_read_is_written_the_same(text):
    with suppress(RefusedError):
        assert dumps(loads(text.encode())) == text.encode()
