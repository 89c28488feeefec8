"""The laws of reading safetensors checkpoints, with the safetensors library as the judge."""

import json
import struct
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

import prunepack
from prunepack.errors import RefusedError
from prunepack.model_files.discovery import open_sources

calm = settings(deadline=None, suppress_health_check=list(HealthCheck))

TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def checkpoints(draw):
    """Draw a checkpoint with tensors of any type and shape; the library spoils one of none."""
    tensors = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        shape = draw(st.lists(st.integers(0, 6), max_size=4))
        dtype = np.dtype(draw(st.sampled_from(TYPES)))
        rng = np.random.default_rng(draw(st.integers(0, 9)))
        tensors[name] = rng.integers(0, 2, shape).astype(dtype)
    return tensors, save(tensors, draw(st.none() | st.dictionaries(NAMES, NAMES, max_size=2)))


def in_a_file(data, use):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        path.write_bytes(data)
        return use(path)


def pack_and_read(path):
    """Return the file as it comes back, and the stored tensors."""
    prunepack.pack(path, path.with_name("packed"))
    with prunepack.Artifact.open(path.with_name("packed")) as artifact:
        tensors = {name: artifact.read_tensor(name) for name in artifact.tensors}
        return artifact.read_file("m.safetensors"), tensors


@given(checkpoints())
@calm
def test_checkpoints_come_back_and_their_tensors_too(drawn):
    arrays, data = drawn
    content, tensors = in_a_file(data, pack_and_read)
    assert content == data
    for name in tensors.keys() & arrays.keys():
        assert tensors[name].dtype == arrays[name].dtype
        assert tensors[name].shape == arrays[name].shape
        assert tensors[name].tobytes() == arrays[name].tobytes()


def is_accepted(path):
    """Tell whether the safetensors library takes a file."""
    with suppress(SafetensorError), safe_open(path, "numpy"):
        return True
    return False


def spans_or_refusal(path):
    try:
        return open_sources(str(path))[0].spans
    except RefusedError as error:
        return str(error)


def check_like_the_library(data):
    accepted, found = in_a_file(data, lambda path: (is_accepted(path), spans_or_refusal(path)))
    if accepted:
        assert isinstance(found, tuple) or "each key once" in found
    return found


@given(checkpoints(), st.data())
@calm
def test_what_the_library_takes_is_taken_after_a_change_of_any_byte(drawn, change):
    _, data = drawn
    at = change.draw(st.integers(0, len(data) - 1))
    check_like_the_library(data[:at] + bytes([change.draw(st.integers(0, 255))]) + data[at + 1 :])


@given(st.binary(max_size=100), st.booleans())
@calm
def test_no_bytes_upset_the_reader(data, has_header):
    check_like_the_library(struct.pack("<Q", len(data)) + data if has_header else data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**64) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "I8", "F99", "f32"]) | JSON,
        "shape": st.lists(st.integers(0, 4), max_size=2) | JSON,
        "data_offsets": st.lists(st.integers(0, 64), min_size=2, max_size=2) | JSON,
    }
)


@given(st.dictionaries(NAMES, ENTRIES | JSON, max_size=3) | JSON, st.integers(0, 64))
@calm
def test_no_header_upsets_the_reader(header, size):
    text = json.dumps(header).encode()
    check_like_the_library(struct.pack("<Q", len(text)) + text + bytes(size))
