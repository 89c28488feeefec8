"""Files of earlier versions, which every later version must read bit for bit."""

import hashlib
import json
from pathlib import Path

import pytest
import second_reader

from prunepack import Artifact
from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.dtypes import DTYPES
from prunepack.coding.number_lists import FORMS
from prunepack.errors import RefusedError

FOLDER = Path(__file__).parent
KINDS = {
    "v1": ("chunks", "codecs", "external", "narrow", "sparse", "types"),
    "v2": ("forms", "lists", "written"),
}
NAMES = [f"{version}/{kind}.prunepack" for version, kinds in KINDS.items() for kind in kinds]
DIGESTS = {
    f"{version}/{name}": digests
    for version in KINDS
    for name, digests in json.loads((FOLDER / version / "digests.json").read_text()).items()
}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_none_is_missing_or_unknown():
    assert sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.prunepack")) == NAMES
    assert sorted(DIGESTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_as_it_was_and_small(name):
    data = (FOLDER / name).read_bytes()
    assert sha256(data) == DIGESTS[name]["artifact"]
    assert len(data) < 10_000


@pytest.mark.parametrize("name", NAMES)
def test_each_decodes_to_what_it_held(name):
    with Artifact.open(FOLDER / name) as artifact:
        artifact.verify()
        files = {file: sha256(artifact.read_file(file)) for file in artifact.files}
        tensors = {t: sha256(b"".join(artifact.iter_tensor(t))) for t in artifact.tensors}
    assert files == DIGESTS[name]["files"]
    assert tensors == DIGESTS[name]["tensors"]


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_written_from_the_specification_agrees(name):
    files, tensors = second_reader.read((FOLDER / name).read_bytes())
    assert {file: sha256(data) for file, data in files.items()} == DIGESTS[name]["files"]
    found = {tensor: sha256(array.tobytes()) for tensor, array in tensors.items()}
    assert found == DIGESTS[name]["tensors"]


def test_together_they_have_everything_that_the_version_has():
    codecs, coders, dtypes, gaps, forms = set(), set(), set(), set(), set()
    for name in NAMES:
        with Artifact.open(FOLDER / name) as artifact:
            for literal in artifact.layout.literals:
                forms |= {numbers.form for numbers in literal.lists}
                coders.add(literal.text.coder)
            for pool in artifact.layout.pools:
                dtypes.add(pool.dtype.name)
                codecs |= {chunk.codec for chunk in pool.chunks}
                streams = [s for chunk in pool.chunks for s in chunk.streams.items()]
                coders |= {stream.coder for _, stream in streams}
                gaps |= {stream.spec.dtype.name for key, stream in streams if key == "gaps"}
    assert codecs == set(CODECS)
    assert coders == set(COMPRESSORS)
    assert dtypes == set(DTYPES)
    assert gaps == {"uint16", "uint32"}
    assert forms == set(FORMS)


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_byte_is_a_named_error(name, tmp_path):
    data = bytearray((FOLDER / name).read_bytes())
    path = tmp_path / "model.prunepack"
    path.write_bytes(data)
    with path.open("r+b", buffering=0) as file:
        for at in range(len(data)):
            file.seek(at)
            file.write(bytes([data[at] ^ 0xFF]))
            check_refused_or_same(path, DIGESTS[name]["files"])
            file.seek(at)
            file.write(data[at : at + 1])
    assert path.read_bytes() == data


def check_refused_or_same(path, digests):
    """Read without the trailer, so that another checksum must reveal each flipped bit."""
    try:
        with Artifact.open(path) as artifact:
            files = {name: sha256(artifact.read_file(name)) for name in artifact.files}
    except RefusedError:
        return
    assert files == digests
