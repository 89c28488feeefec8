"""Kinds of files that stand in place of a checkpoint, recognised by content."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Literal

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileKind", "find_file_kind"]

FileKind = Literal["safetensors", "torch", "npz", "index"]

HEAD = 512
"""Bytes that decide the kind of a file."""

MAGIC = {
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf": "a 7z file",
    b"%PDF": "a PDF file",
    b"\xfd7zXZ": "an xz file",
}
"""First bytes of formats that hold no state dict of torch, by the words of an error."""

SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})(\.\w+)")


def find_file_kind(path: Path, *, is_shard: bool = False) -> FileKind:
    """Return the format of the checkpoint at ``path``; the ending of its name does not matter.

    Raises:
        RefusedError: If the file cannot be read, or is known not to be a checkpoint.
    """
    head = _read_head(path)
    if not is_shard:
        _refuse_shard(path)
    _refuse_pointers_and_pages(path, head)
    _refuse_other_formats(path, head)
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        return _find_archive_kind(path)
    if head.lstrip().startswith(b"{"):
        return "index"
    return "safetensors" if path.suffix == ".safetensors" else "torch"


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        hint = "Give a path relative to the working folder"
        if path.is_dir():
            files = ", ".join(sorted(entry.name for entry in path.iterdir())[:6])
            hint = f"Name one file of it: {files}"
        raise RefusedError(
            f"`{path}` cannot be read",
            expected="a checkpoint",
            found=(error.strerror or str(error)).lower(),
            hint=hint,
        ) from None
    if not head:
        raise RefusedError(
            f"`{path}` is empty",
            expected="a checkpoint",
            found="0 bytes",
            hint="Copy or download the file again",
        )
    return head


def _refuse_shard(path: Path) -> None:
    """Refuse one of several shards."""
    match = SHARD.fullmatch(path.name)
    if match and int(match[2]) > 1:
        raise RefusedError(
            f"`{path}` is one of {int(match[2])} shards",
            expected="the index of all shards",
            found=path.name,
            hint=f"Name the index beside it, `{match[1]}{match[3]}.index.json`",
        )


def _refuse_pointers_and_pages(path: Path, head: bytes) -> None:
    """Refuse the texts that stand where weights were not downloaded."""
    text = head.decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if text.startswith("version https://git-lfs.github.com/spec/"):
        size = re.search(r"^size (\d+)$", text, re.MULTILINE)
        raise RefusedError(
            f"`{path}` is a pointer of Git LFS, not the weights",
            expected=f"{int(size[1]):,} bytes" if size else "the weights",
            found=f"a text file of {path.stat().st_size:,} bytes",
            hint="Run `git lfs pull` in its repository",
        )
    page = re.match(r"(?i)<(!doctype html|html|head|body)", text)
    if page or text.startswith("<?xml"):
        first = text.splitlines()[0][:60]
        raise RefusedError(
            f"`{path}` is an {'HTML' if page else 'XML'} page, not weights",
            expected="a checkpoint",
            found=f"a page that begins with `{first}`",
            hint="Download the file again, from its direct link and signed in if it needs that",
        )


def _refuse_other_formats(path: Path, head: bytes) -> None:
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            raise RefusedError(
                f"`{path}` is {name}",
                expected="a state dict of torch, safetensors or numpy",
                found=name,
                hint="Convert it to safetensors first",
            )


def _find_archive_kind(path: Path) -> FileKind:
    """Return the kind of a zip archive: torch and numpy both write them.

    Raises:
        RefusedError: If it holds a program in place of weights.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return "torch"
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise RefusedError(
            f"`{path}` is a TorchScript archive",
            expected="a state dict",
            found="a scripted or traced model",
            hint="Save the state dict of it:\n"
            f'model = torch.jit.load("{path}")\n'
            f'torch.save(model.state_dict(), "{_name_state(path)}")',
        )
    if "archive_format" in inner or "archive_format" in names:
        raise RefusedError(
            f"`{path}` is an exported program",
            expected="a state dict",
            found="an archive of torch.export.save",
            hint="Name it in load.model, without load.weights",
        )
    return "npz" if names and all(name.endswith(".npy") for name in names) else "torch"


def _name_state(path: Path) -> str:
    return f"{path.stem}_state.pth"
