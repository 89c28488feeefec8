"""Models in the folder of a release: each is one of the files that were judged or signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.digests import hash_file
from prunepack.reading.recognition import is_artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["check_models"]

SUFFIXES = (".onnx", ".prunepack")


def check_models(folder: Path, known: Mapping[str, str], source: Path) -> None:
    """Refuse an ONNX model or an artifact in ``folder`` that is not one of the ``known`` files.

    A model may have any name, since a deployment may rename it. An artifact is recognized by its
    first bytes as well.

    Args:
        folder: The folder of the release.
        known: SHA-256 by name of the files that ``source`` is about.
        source: The report or the signature, for the message.

    Raises:
        RefusedError: If there is such a file.
    """
    for file in _find_models(folder):
        found = hash_file(file)
        if found not in known.values():
            raise RefusedError(
                f"`{source}` says nothing about `{file}`",
                expected=f"only the models {', '.join(known) or 'of a run'}",
                found=f"{found[:12]}…",
                hint="Move the file elsewhere, or verify and measure it",
            )


def _find_models(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.is_file() and (file.suffix.casefold() in SUFFIXES or is_artifact(file)):
            yield file
