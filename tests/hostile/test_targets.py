"""Classes 37 and 38: what is read and written is what it seems, and all of it or nothing."""

import os
import shutil

import pytest
from artifact_crafting import Sample

import prunepack
from prunepack import Artifact
from prunepack.errors import CorruptArtifactError, UsageError


@pytest.fixture
def packed(tmp_path):
    return Sample().write(tmp_path / "model.prunepack")


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_an_artifact_that_is_no_regular_file(kind, tmp_path):
    path = {"folder": tmp_path, "pipe": tmp_path / "pipe", "device": "/dev/zero"}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(UsageError) as caught:
        Artifact.open(path)
    assert str(caught.value) == (
        f"cannot read `{path!s}`: expected a regular file, found a folder, a pipe or a device. "
        "Give the path of a file"
    )


def test_an_artifact_that_is_not_there(tmp_path):
    with pytest.raises(UsageError) as caught:
        Artifact.open(tmp_path / "no")
    path = str(tmp_path / "no")
    message = f"cannot open `{path}` (No such file or directory). Check the path"
    assert str(caught.value) == message
    with pytest.raises(UsageError, match="cannot open"):
        Artifact.open("a\0b")


def test_an_artifact_behind_a_link_is_read(packed, tmp_path):
    (tmp_path / "link").symlink_to(packed.name)
    with Artifact.open(tmp_path / "link") as artifact:
        artifact.verify()


@pytest.mark.parametrize("kind", ["file", "link", "broken link", "pipe"])
@pytest.mark.parametrize("force", [False, True])
def test_unpacking_onto_something_else(kind, force, packed, tmp_path):
    target = tmp_path / "out"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "file":
        target.write_bytes(b"precious")
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to("elsewhere" if kind == "link" else "nowhere")
    with pytest.raises(UsageError) as caught:
        prunepack.unpack(packed, target, force=force)
    assert str(caught.value) == (
        f"`{target}` cannot be replaced: expected a folder, or a path that does not exist, "
        "found something else, or a link. Choose another path"
    )
    assert names(tmp_path) == ["elsewhere", "model.prunepack", "out"]
    assert not names(elsewhere)


def test_unpacking_onto_a_folder(packed, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "model.onnx").write_bytes(b"old")
    with pytest.raises(UsageError) as caught:
        prunepack.unpack(packed, target)
    message = f"`{target}` exists. Choose another path, or replace it with --force"
    assert str(caught.value) == message
    assert (target / "model.onnx").read_bytes() == b"old"
    prunepack.unpack(packed, target, force=True)
    assert (target / "model.onnx").read_bytes() == Sample().content
    assert names(tmp_path) == ["model.prunepack", "out"]


def test_a_folder_with_unlisted_files_is_left_alone(packed, tmp_path):
    target = tmp_path / "out"
    (target / "deep").mkdir(parents=True)
    (target / "deep" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError) as caught:
        prunepack.unpack(packed, target, force=True)
    assert str(caught.value) == (
        f"`{target}` cannot be replaced: expected only files that this command writes, "
        "found deep/notes.txt. Choose another path, or move these files away"
    )
    assert (target / "deep" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("flaw", ["trailer", "file"])
def test_a_damaged_artifact_leaves_nothing(flaw, tmp_path):
    sample = Sample()
    if flaw == "file":
        sample.file["sha256"] = "0" * 64
    data = bytearray(sample.assemble())
    if flaw == "trailer":
        data[-1] ^= 1
    path = tmp_path / "model.prunepack"
    path.write_bytes(data)
    with pytest.raises(CorruptArtifactError, match="SHA-256"):
        prunepack.unpack(path, tmp_path / "out")
    assert names(tmp_path) == ["model.prunepack"]


def test_an_interrupt_leaves_nothing(packed, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prunepack.unpack(packed, tmp_path / "out", progress=interrupt)
    assert names(tmp_path) == ["model.prunepack"]


def test_unpacking_where_there_is_no_folder(packed, tmp_path):
    with pytest.raises(UsageError) as caught:
        prunepack.unpack(packed, tmp_path / "no" / "out")
    assert str(caught.value) == (
        f"cannot write `{tmp_path / 'no' / 'out'}` (No such file or directory). "
        "Check the folder and the free space"
    )


def test_a_target_with_a_nul(packed):
    with pytest.raises(UsageError) as caught:
        prunepack.unpack(packed, "a\0b")
    assert str(caught.value) == "cannot write `a\\x00b`. Choose a path without a NUL"


def test_the_old_folder_stays_if_the_new_one_cannot_move_in(packed, tmp_path, monkeypatch):
    target = tmp_path / "out"
    target.mkdir()
    (target / "model.onnx").write_bytes(b"old")
    rename = type(target).rename

    def fail_at_the_second(self, other):
        if other == target and self.stat().st_ino != inode:
            raise PermissionError(13, "Permission denied")
        return rename(self, other)

    inode = target.stat().st_ino
    monkeypatch.setattr(type(target), "rename", fail_at_the_second)
    with pytest.raises(UsageError, match="Permission denied"):
        prunepack.unpack(packed, target, force=True)
    assert (target / "model.onnx").read_bytes() == b"old"
    assert names(tmp_path) == ["model.prunepack", "out"]


def test_a_file_that_is_swapped_is_read_as_it_was_opened(packed, tmp_path):
    other = Sample()
    other.header["required"] = ["later"]
    with Artifact.open(packed) as artifact:
        (tmp_path / "new").write_bytes(other.assemble())
        (tmp_path / "new").replace(packed)
        artifact.verify()
        assert artifact.read_file("model.onnx") == Sample().content


def test_a_file_that_is_overwritten_is_noticed(packed):
    size = packed.stat().st_size
    with Artifact.open(packed) as artifact:
        with packed.open("r+b") as file:
            file.seek(size // 2)
            file.write(os.urandom(size - size // 2))
        with pytest.raises(CorruptArtifactError, match="SHA-256 of the artifact"):
            artifact.check_digest()
        with pytest.raises(CorruptArtifactError, match="wrong CRC-32"):
            artifact.read_tensor("w")


def test_a_header_that_is_overwritten_is_not_believed(packed):
    """The digest covers the header that was parsed, not what stands in its place later."""
    with Artifact.open(packed) as artifact:
        with packed.open("r+b") as file:
            file.write(bytes(100))
        artifact.check_digest()
        assert artifact.read_file("model.onnx") == Sample().content


def test_a_file_that_shrinks_is_noticed(packed):
    with Artifact.open(packed) as artifact:
        os.truncate(packed, packed.stat().st_size // 2)
        with pytest.raises(CorruptArtifactError, match="the file ends early at byte"):
            artifact.verify()


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
@pytest.mark.parametrize("force", [False, True])
def test_packing_onto_something_else(kind, force, tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"\x3a\x00")
    target = tmp_path / "out"
    if kind == "folder":
        target.mkdir()
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to("other.onnx")
    with pytest.raises(UsageError) as caught:
        prunepack.pack(model, target, force=force)
    assert str(caught.value) == (
        f"`{target}` cannot be replaced: expected a regular file, or a path that does not exist, "
        "found something else, or a link. Choose another path"
    )
    assert names(tmp_path) == ["model.onnx", "out"]


def test_packing_onto_a_file(tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"\x3a\x00")
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with pytest.raises(UsageError) as caught:
        prunepack.pack(model, target)
    message = f"`{target}` exists. Choose another path, or replace it with --force"
    assert str(caught.value) == message
    prunepack.pack(model, target, force=True)
    shutil.copy(model, tmp_path / "copy")
    with pytest.raises(UsageError) as caught:
        prunepack.pack(model, model, force=True)
    assert str(caught.value) == (f"`{model}` is a file of the model. Choose another path")
    assert model.read_bytes() == (tmp_path / "copy").read_bytes()
    assert names(tmp_path) == ["copy", "model.onnx", "out"]


def make_meanwhile(path):
    """Return a progress function that makes a folder with a file, as another program might."""

    def progress(_done, _total):
        if not path.exists():
            path.mkdir()
            (path / "precious.txt").write_bytes(b"mine")

    return progress


def test_a_folder_that_appears_while_packing_or_unpacking(packed, tmp_path):
    model, out, artifact = tmp_path / "model.onnx", tmp_path / "out", tmp_path / "a.prunepack"
    model.write_bytes(b"\x3a\x00")
    with pytest.raises(UsageError, match=f"`{out}` exists: .*appeared"):
        prunepack.unpack(packed, out, progress=make_meanwhile(out))
    with pytest.raises(UsageError, match=f"`{artifact}` exists: .*appeared"):
        prunepack.pack(model, artifact, progress=make_meanwhile(artifact))
    assert names(out) == names(artifact) == ["precious.txt"]
    assert names(tmp_path) == ["a.prunepack", "model.onnx", "model.prunepack", "out"]


def test_a_file_that_appears_while_packing(tmp_path):
    model, out = tmp_path / "model.onnx", tmp_path / "out"
    model.write_bytes(b"\x3a\x00")
    with pytest.raises(UsageError, match=f"`{out}` exists: .*appeared"):
        prunepack.pack(model, out, progress=lambda *_: out.write_bytes(b"mine"))
    assert out.read_bytes() == b"mine"
    assert names(tmp_path) == ["model.onnx", "out"]
