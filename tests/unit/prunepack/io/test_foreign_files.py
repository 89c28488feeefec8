"""Files that stand in the place of a model are named, wherever a model is read."""

import gzip

import pytest

import prunepack
from prunepack.errors import RefusedError
from prunepack.io.foreign_files import recognize

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
LFS_HINT = "Run `git lfs pull` in its repository"
FILE_HINT = "Give the .onnx file that an exporter wrote, or a .safetensors file"
PAGE_HINT = "Download the file again, from its direct link and signed in if it needs that"

FILES = {
    LFS: ("a pointer of Git LFS", LFS_HINT),
    b"<!DOCTYPE html>\n<html>sign in</html>": ("an HTML or XML page", PAGE_HINT),
    b"\n  <html>": ("an HTML or XML page", PAGE_HINT),
    b"<?xml version='1.0'?><Error/>": ("an HTML or XML page", PAGE_HINT),
    gzip.compress(b"model", mtime=0): ("a gzip file", FILE_HINT),
    b"BZh91AY": ("a bzip2 file", FILE_HINT),
    b'{"weight_map": {}}': ("a JSON file", FILE_HINT),
    b"\x1c\0\0\0TFL3\0\0": (
        "a TensorFlow Lite model",
        "Give the .onnx file that it was made from",
    ),
    b"\x18\0\0\0ORTM\0\0": (
        "an .ort model of onnxruntime",
        "Give the .onnx file that it was made from",
    ),
}


@pytest.mark.parametrize("head", FILES)
def test_the_format_is_named(head):
    assert recognize(head) == FILES[head]


@pytest.mark.parametrize("head", [b"", b"\x08\x0a", b"hello", b"PK\x03\x04", b"\x89PPK\r\n\x1a\n"])
def test_other_files_are_not(head):
    assert recognize(head) is None


@pytest.mark.parametrize("content", FILES)
def test_it_is_named_by_pack_and_by_all_that_reads_an_artifact(content, tmp_path):
    name, hint = FILES[content]
    model, artifact = tmp_path / "m.onnx", tmp_path / "m.prunepack"
    model.write_bytes(content)
    artifact.write_bytes(content)
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(model, tmp_path / "out")
    assert str(caught.value) == (
        f"{model}: neither an ONNX model nor a safetensors checkpoint: found {name}. {hint}"
    )
    for read in (prunepack.open_session, prunepack.Artifact.open):
        with pytest.raises(RefusedError) as caught:
            read(artifact)
        assert str(caught.value) == (
            f"{artifact}: not a prunepack artifact: expected first bytes 8950504b0d0a1a0a, "
            f"found {name}. {hint}"
        )
