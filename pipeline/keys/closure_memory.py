"""Memory of code closures between processes: a source file that did not change is parsed once.

A closure follows from the contents of its files and from the names of all first-party files, so it
is remembered with both. The memory is a file in the user's cache folder; without it, closures are
found anew.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from prunepack.io.atomic import replace_file
from prunepack.pipeline.keys.code_closure import hash_code_closure, list_first_party
from prunepack.pipeline.keys.digests import file_digest
from prunepack.pipeline.keys.imports import FIRST_PARTY
from prunepack.stages.data.downloads import cache_folder

__all__ = ["recall_code_closure"]


def recall_code_closure(module: str) -> dict[str, str]:
    """Return the code closure of ``module``, remembered or found anew and then remembered.

    The result and the errors are those of :func:`hash_code_closure`.
    """
    if module.split(".", maxsplit=1)[0] not in FIRST_PARTY:
        return hash_code_closure(module)
    closures = _read_memory()
    if module not in closures or not _is_current(closures[module]):
        closures[module] = hash_code_closure(module)
        _write_memory(closures)
    return dict(closures[module])


def _is_current(closure: dict[str, str]) -> bool:
    files = list_first_party()
    try:
        return all(file_digest(files[name]) == digest for name, digest in closure.items())
    except (KeyError, OSError):
        return False


@cache
def _place() -> tuple[Path, str]:
    """Return the file of the memory, one for each installation, and the digest of all names."""
    home = hashlib.sha256(str(Path(__file__).parent).encode()).hexdigest()[:16]
    names = hashlib.sha256("\n".join(sorted(list_first_party())).encode()).hexdigest()
    return cache_folder() / "code" / f"{home}.json", names


@cache
def _read_memory() -> dict[str, dict[str, str]]:
    path, names = _place()
    content: Any = None
    with suppress(OSError, ValueError):
        content = json.loads(path.read_bytes())
    try:
        return dict(content["closures"]) if content["names"] == names else {}
    except (TypeError, KeyError, ValueError):
        return {}  # written by another version, or damaged


def _write_memory(closures: dict[str, dict[str, str]]) -> None:
    path, names = _place()
    with suppress(OSError):  # a folder that cannot be written costs time, nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path, durable=False) as scratch:
            scratch.write_text(json.dumps({"names": names, "closures": closures}), encoding="utf-8")
