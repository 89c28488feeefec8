"""The kinds of artifact: told apart by their files, and said to be wrong where they are."""

import hashlib
import shutil

import pytest

from prunepack.errors import RefusedError
from prunepack.io.digests import hash_file
from prunepack.stages.contract.outputs import (
    KINDS,
    Checkpoint,
    MaskedCheckpoint,
    PackedArtifact,
    find_kind,
    hash_release,
)

CHECKPOINT = "a Checkpoint (model.json, weights.safetensors)"
ARTIFACT = "a PackedArtifact (model.prunepack)"


@pytest.fixture
def folder(tmp_path):
    def folder(*names):
        out = tmp_path / "folder"
        out.mkdir()
        for name in names:
            (out / name).write_text("{}")
        return out

    return folder


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_folder_is_what_its_files_make_it(folder, kind):
    out = folder(*kind.files, "and-one-more.txt")
    assert find_kind(out) is kind
    assert find_kind(out, (kind,)) is kind


def test_no_kind_is_mistaken_for_another(chain):
    parts = (chain.dense, chain.masked, chain.final, chain.onnx, chain.artifact)
    for part in parts:
        assert find_kind(part.path) is type(part)


def test_a_folder_of_another_kind(folder, says):
    out = folder(*Checkpoint.files)
    with says(
        RefusedError,
        f"`{out}` is of the wrong kind: expected a MaskedCheckpoint (model.json, "
        "masked.safetensors, pruned_model.pth), found a Checkpoint. "
        "Make one with prunepack prune",
    ):
        find_kind(out, (MaskedCheckpoint,))


def test_a_folder_of_another_kind_where_two_would_do(folder):
    out = folder(*MaskedCheckpoint.files)
    with pytest.raises(RefusedError) as caught:
        find_kind(out, (Checkpoint, PackedArtifact))
    message = str(caught.value)
    expected = f"`{out}` is of the wrong kind: expected {CHECKPOINT} or {ARTIFACT}, found a Masked"
    assert message.startswith(expected)
    assert "prunepack load or prunepack finalize" in message
    assert "prunepack pack" in message


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), "an empty folder"),
        (("weights.safetensors",), "weights.safetensors"),
        (tuple("gfedcba"), "a, b, c, d, e, f"),
    ],
)
def test_a_folder_of_other_things(folder, names, found, says):
    out = folder(*names)
    with says(
        RefusedError, f"`{out}` holds no output of a stage: expected {CHECKPOINT}, found {found}"
    ):
        find_kind(out, (Checkpoint,))


def test_no_folder_at_all(tmp_path, says):
    path = tmp_path / "x"
    with says(RefusedError, f"`{path}` is not a folder: expected {ARTIFACT}, found nothing"):
        find_kind(path, (PackedArtifact,))
    path.write_text("")
    with says(RefusedError, f"`{path}` is not a folder: expected {ARTIFACT}, found a file"):
        find_kind(path, (PackedArtifact,))


def test_an_artifact_is_a_file_or_the_folder_it_is_in(chain, tmp_path):
    alone = shutil.copy(chain.artifact.file, tmp_path / "any_name.prunepack")
    assert PackedArtifact(alone, "").file == alone
    assert chain.artifact.file == chain.artifact.path / "model.prunepack"


def test_digests_are_those_of_sha256sum(chain, tmp_path):
    assert hash_release(chain.onnx, chain.artifact) == {
        "model.onnx": hashlib.sha256(chain.onnx.model.read_bytes()).hexdigest(),
        "model.prunepack": hashlib.sha256(chain.artifact.file.read_bytes()).hexdigest(),
    }
    (tmp_path / "empty").write_bytes(b"")
    assert hash_file(tmp_path / "empty") == hashlib.sha256().hexdigest()
