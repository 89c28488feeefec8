"""Files that often stand in the place of a model: their formats, recognised by the first bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["HEAD", "ForeignFile", "recognize"]

HEAD = 512
"""First bytes of a file that decide its format."""

MAGIC = {
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"7z\xbc\xaf": "a 7z file",
    b"GGUF": "a GGUF file",
    b"%PDF": "a PDF file",
    b"{": "a JSON file",
    b"\x80\x02": "a pickle, as old versions of torch.save write it",
}
"""First bytes of formats, and their names."""

FLATBUFFERS = {b"ORTM": "an .ort model of onnxruntime", b"TFL3": "a TensorFlow Lite model"}
"""Identifiers at byte 4."""

LFS = "version https://git-lfs.github.com/spec/"
PAGE = re.compile(r"(?i)<(!doctype|html|head|body|\?xml)")


class ForeignFile(NamedTuple):
    """The format of a file, with its article, and the way to the model."""

    name: str
    hint: str


def recognize(head: bytes) -> ForeignFile | None:
    """Return the format of a file that begins with ``head``, or None if it is not a known one."""
    text = head.decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if text.startswith(LFS):
        return ForeignFile("a pointer of Git LFS", "Run `git lfs pull` in its repository")
    if PAGE.match(text):
        hint = "Download the file again, from its direct link and signed in if it needs that"
        return ForeignFile("an HTML or XML page", hint)
    if name := FLATBUFFERS.get(head[4:8]):
        return ForeignFile(name, "Give the .onnx file that it was made from")
    names = (name for magic, name in MAGIC.items() if head.startswith(magic))
    if name := next(names, None):
        return ForeignFile(
            name, "Give the .onnx file that an exporter wrote, or a .safetensors file"
        )
    return None
