"""The statements of docs/format.md against the code."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import second_reader
from artifact_crafting import canonical

from prunepack import Artifact, Limits
from prunepack.coding import levels
from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.compressors.lzma import MIN_DICTIONARY
from prunepack.coding.dtypes import DTYPES, STREAM_DTYPES
from prunepack.coding.number_lists import FORMS, VARINT_BYTES
from prunepack.coding.zstd_frames import MIN_WINDOW
from prunepack.format import names, validation
from prunepack.format.canonical_json import MAX_INTEGER
from prunepack.format.container import MAGIC, VERSION, Container
from prunepack.format.header import (
    FEATURES,
    Chunk,
    Copy,
    Header,
    LiteralChunk,
    Literals,
    NumberList,
    PackedFile,
    Pool,
    Stream,
    Tensor,
)
from prunepack.format.header_frame import DICTIONARY
from prunepack.model_files import spans
from prunepack.writing import list_search, writer
from prunepack.writing import pools as pooling
from prunepack.writing.encoder import STREAM_OVERHEAD

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
TEXT = " ".join(PAGE.split())
TENSOR = np.array([[0, 0, 1.5, 0], [0, 0, 0, -2]], "<f4")
CONTENT = b"<w=" + TENSOR.tobytes() + b">"


def block(language):
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


def example():
    """Return the bytes of the hexadecimal example; each line must stand at its offset."""
    data = b""
    for line in block("text").splitlines():
        offset, row = line[:4], line[6:53]
        assert int(offset, 16) == len(data)
        data += bytes.fromhex(row)
    return data


@pytest.fixture
def path(tmp_path):
    (tmp_path / "example").write_bytes(example())
    return tmp_path / "example"


def test_the_example_reads_as_the_page_says(path):
    assert f"The artifact, of {len(example())} bytes" in PAGE
    with Artifact.open(path) as artifact:
        artifact.verify()
        assert artifact.read_file("model.onnx") == CONTENT
        assert np.array_equal(artifact.read_tensor("w"), TENSOR)
    assert second_reader.read(example())[0] == {"model.onnx": CONTENT}


def test_the_example_s_header_is_the_one_shown(path):
    assert Container.open(str(path), Limits()).header == canonical(json.loads(block("json")))


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("header", Header),
        ("file", PackedFile),
        ("literals", Literals),
        ("literal chunk", LiteralChunk),
        ("list", NumberList),
        ("pool", Pool),
        ("stream", Stream),
        ("copy", Copy),
    ],
)
def test_each_table_lists_the_fields(title, kind):
    table = PAGE.split(f"\n**{title}**\n\n")[1].split("\n\n")[0]
    names = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert sorted(names) == sorted(get_type_hints(kind))


@pytest.mark.parametrize("kind", [Chunk, Tensor])
def test_objects_within_a_row_list_their_fields(kind):
    names = ", ".join(sorted(get_type_hints(kind)))
    assert f"`{{{names}}}`" in PAGE


@pytest.mark.parametrize("names", [CODECS, COMPRESSORS], ids=["codecs", "compressors"])
def test_each_id_has_a_row(names):
    for name in names:
        assert len(re.findall(rf"^\| `{name}` \|", PAGE, re.MULTILINE)) == 1


def test_each_form_has_its_types():
    for form, dtypes in FORMS.items():
        (row,) = re.findall(rf"^\| `{form}` \| ([^|]*) \|", PAGE, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == dtypes


def test_each_type_is_listed():
    section = PAGE.split("### Types")[1].split("###")[0]
    for name, dtype in DTYPES.items():
        assert f"`{name}`" in section
        assert dtype.carrier.name == name or f"`{dtype.carrier.name}`: its b" in section
    assert len(STREAM_DTYPES) == 11


def test_numbers_are_those_of_the_code():
    assert MAGIC.hex(" ") in PAGE
    assert f"version {VERSION}" in PAGE.splitlines()[0]
    assert not FEATURES
    limits, mib = Limits(), 1024**2
    for row in (
        f"| header, stored and decoded | {limits.header_bytes // mib} MiB |",
        f"| tensors, copies included | {limits.tensors:,} |",
        f"| files | {limits.files:,} |",
        f"| a decoded chunk | {limits.chunk_bytes // mib} MiB |",
        f"| all files together | {limits.decoded_bytes // mib // 1024} GiB |",
        f"| a transposed copy | {limits.transposed_bytes // mib // 1024} GiB |",
    ):
        assert row in PAGE
    assert len(fields(Limits)) == 6
    assert MAX_INTEGER == 2**53 - 1
    assert f"size or {MIN_WINDOW}, whichever" in PAGE
    assert f"at most {validation.MAX_DIMENSIONS} dimensions" in PAGE
    assert f"have 1 to {names.MAX_TENSOR_NAME_BYTES} bytes" in TEXT
    assert f"have at most {names.MAX_FILE_NAME_BYTES} bytes" in PAGE
    assert f"at most {names.MAX_PART_BYTES} bytes" in TEXT
    assert f"2^{pooling.CHUNK_ITEMS.bit_length() - 1} items and " in PAGE
    assert f"{writer.LITERAL_CHUNK // mib} MiB; leaves" in PAGE
    assert f"tensors of {spans.MIN_ELEMENTS - 1} elements or fewer" in PAGE
    assert f"more than 2^{pooling.MAX_SHARED_ITEMS.bit_length() - 1} items" in PAGE
    assert f"no more than 2^{levels.TINY_MODEL_ITEMS.bit_length() - 1} items" in TEXT
    assert f"lists of at least {list_search.MIN_ITEMS} numbers" in TEXT
    assert f"(at most {VARINT_BYTES})" in PAGE
    assert f"at least {MIN_DICTIONARY} |" in PAGE
    assert block("plain").replace("\n", "").encode() == DICTIONARY
    assert f"counting {STREAM_OVERHEAD} bytes" in PAGE
