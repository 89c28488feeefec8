"""Files that the code of a stage opened for reading while it ran, beyond those in its key.

The user's factory, dataset, hook or metric may read files that its text does not name. An audit
hook of Python sees them; their digests go into the record of the result, and a later run compares
them.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import stat
import sys
import sysconfig
from contextlib import contextmanager
from functools import cache, wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.keys.digests import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OpenedFiles", "find_changed_files"]

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
SYSTEM = ("/proc/", "/sys/", "/dev/")
LISTINGS = ("os.listdir", "os.scandir")
IMPORTS = "<frozen importlib._bootstrap_external>"


class OpenedFiles:
    """Files and folders that the code of a run read, from the first watched stage on.

    A module that one stage imported is not executed again in the next stage, so each stage is
    taken to have read what the stages before it have read in the same process. Left out are
    installed packages, prunepack itself, files under ``store``, files that the run wrote, and
    files that are gone at the end of the stage.

    Args:
        store: The folder of stored results.
    """

    def __init__(self, store: Path) -> None:
        self._excluded = (str(store.resolve()), *_installed_folders())
        self._states: dict[str, tuple[int, ...]] = {}
        self._written: set[str] = set()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Collect the files that are opened inside the block, by any thread."""
        _install_hook()
        _watching.append(self)
        try:
            yield
        finally:
            _watching.remove(self)

    def add(self, path: str, *, writes: bool) -> None:
        """Add a file that is about to be opened, or a folder that is about to be listed."""
        path = os.path.abspath(path)  # noqa: PTH100 -- follows no link and asks no disk
        if writes:
            self._written.add(path)
        elif path not in self._states and not self._is_excluded(path):
            self._states[path] = _read_state(path)

    def hash_all(self) -> dict[str, str] | None:
        """Return the SHA-256 of each by its path; None if one changed after it was opened."""
        paths = [path for path in sorted(self._states) if path not in self._written]
        found = {path: (_read_state(path), _digest(Path(path))) for path in paths}
        kept = {path: digest for path, (_, digest) in found.items() if digest}
        if any(found[path][0] != self._states[path] for path in kept if Path(path).is_file()):
            return None
        return {_shorten(path): digest for path, digest in kept.items()}

    def _is_excluded(self, path: str) -> bool:
        return path.startswith(SYSTEM) or path.endswith(".pyc") or _is_below(path, self._excluded)


def find_changed_files(opened: Mapping[str, str]) -> list[str]:
    """Return the paths of :meth:`OpenedFiles.hash_all` whose content is now another one."""
    return [path for path, digest in opened.items() if _digest(Path(path)) != digest]


_watching: list[OpenedFiles] = []


@cache
def _install_hook() -> None:
    """Install the audit hook, once; Python cannot remove it.

    safetensors opens files in native code, so its function is made to tell the hook.
    """
    sys.addaudithook(_hook)
    if find_spec("safetensors") is None:
        return
    open_file = importlib.import_module("safetensors").safe_open

    @wraps(open_file, updated=())
    def safe_open(filename: Any, *args: Any, **kwargs: Any) -> Any:
        sys.audit("open", filename, "rb", os.O_RDONLY)
        return open_file(filename, *args, **kwargs)

    for name in ("safetensors", "safetensors.torch", "safetensors.numpy"):
        if name in sys.modules:
            vars(sys.modules[name])["safe_open"] = safe_open


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or (event != "open" and event not in LISTINGS):
        return
    path, writes = arguments[0], False
    if event == "open":
        writes = bool((arguments[2] or 0) & WRITES)
    elif sys._getframe(1).f_code.co_filename == IMPORTS:
        return
    if isinstance(path, (str, bytes, os.PathLike)):
        for files in _watching:
            files.add(os.fsdecode(path), writes=writes)


@cache
def _installed_folders() -> tuple[str, ...]:
    """Return the folders of Python, of its packages and of prunepack."""
    places = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    packages = ("prunepack", "prunepack.stages", "prunepack.pipeline")
    specs = [spec for name in packages if (spec := find_spec(name))]
    homes = [home for spec in specs for home in spec.submodule_search_locations or ()]
    return tuple({form for place in (*places, *homes) for form in (place, os.path.realpath(place))})


def _is_below(path: str, folders: tuple[str, ...]) -> bool:
    parts = f"{path}{os.sep}"
    return "/site-packages/" in parts or any(parts.startswith(f"{one}{os.sep}") for one in folders)


def _read_state(path: str) -> tuple[int, ...]:
    """Return numbers that differ after a write, or nothing if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- called in an audit hook, for each opened file
    except (OSError, ValueError):
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file or of the names in a folder; nothing for anything else."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return file_digest(path.resolve())
        if stat.S_ISDIR(mode):
            names = sorted(set(os.listdir(path)) - {"__pycache__"})  # noqa: PTH208
            return hashlib.sha256("\0".join(names).encode()).hexdigest()
    except (OSError, ValueError):
        pass
    return ""


def _shorten(path: str) -> str:
    """Return ``path`` relative to the working folder if it is inside, so that both may move."""
    inside = Path(path)
    return str(inside.relative_to(Path.cwd())) if inside.is_relative_to(Path.cwd()) else path
