"""Files that user code opened for reading while a stage ran, beyond those in its key.

The user's factory, dataset, hook or metric may read files that its text does not name. An audit
hook of Python sees them; their digests go into the record of the result, and a later run compares
them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
from contextlib import contextmanager, suppress
from functools import cache, wraps
from importlib.util import find_spec, source_from_cache
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from prunepack.pipeline.keys.file_states import identify_files, read_state
from prunepack.pipeline.reads.packages import is_below, is_own_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["OpenedFiles"]

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
SYSTEM = ("/proc/", "/sys/", "/dev/")
LISTINGS = ("os.listdir", "os.scandir")
OPENINGS = ("open", "sqlite3.connect", "ctypes.dlopen")
SEARCHES = frozenset({"<frozen importlib._bootstrap_external>", importlib.metadata.__file__})
"""Code that lists the folders of ``sys.path`` for a module or for the versions of packages."""


class OpenedFiles:
    """Files and folders that the code of a run read, from the first watched stage on.

    A module that one stage imported is not executed again in the next stage, so each stage is
    taken to have read what the stages before it have read in the same process. Left out are
    Python, prunepack, the libraries that it needs, files under ``store``, files that the run
    wrote, and files that are gone at the end of the stage.

    Args:
        store: The folder of stored results.
    """

    def __init__(self, store: Path) -> None:
        self._store = str(store.resolve())
        self._states: dict[str, tuple[int, ...]] = {}
        self._written: set[str] = set()
        self._children: IO[bytes] | None = None
        self._process = os.getpid()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Collect the files that are opened inside the block, by any thread or forked process."""
        _install_hook()
        with TemporaryFile("w+b", buffering=0) as self._children:
            _watching.append(self)
            try:
                yield
            finally:
                _watching.remove(self)
                self._add_of_children(self._children)

    def add(self, path: str, *, writes: bool) -> None:
        """Add a file that is about to be opened, or a folder that is about to be listed."""
        path = _find_source(os.path.abspath(path))  # noqa: PTH100 -- asks no disk
        if os.getpid() != self._process:
            self._tell_parent(path, writes=writes)
        elif writes:
            self._written.add(path)
        elif path not in self._states and not path.startswith(SYSTEM):
            self._states[path] = read_state(path)

    def identify_all(self, *, hashes_all: bool) -> dict[str, str] | None:
        """Return the identity of each file by its path; None if one changed after it was opened.

        Args:
            hashes_all: Whether large files are identified by their content too.
        """
        paths = [path for path in sorted(self._states) if self._is_foreign(path)]
        changed = (path for path in paths if os.path.isfile(path))  # noqa: PTH113 -- a str
        if any(read_state(path) != self._states[path] for path in changed):
            return None
        return identify_files(paths, hashes_all=hashes_all)

    def _is_foreign(self, path: str) -> bool:
        """Return whether ``path`` is a file of the user that the run did not write."""
        is_left_out = path in self._written or is_below(path, (self._store,))
        return not is_left_out and not is_own_file(path)

    def _tell_parent(self, path: str, *, writes: bool) -> None:
        """Write a path to the file that a forked process shares with its parent."""
        with suppress(OSError, ValueError):
            os.write(self._children.fileno(), f"{'w' if writes else 'r'}{path}\0".encode())  # type: ignore[union-attr]

    def _add_of_children(self, file: IO[bytes]) -> None:
        """Add the files that forked processes have opened."""
        file.seek(0)
        for entry in file.read().decode(errors="surrogateescape").split("\0")[:-1]:
            self.add(entry[1:], writes=entry[0] == "w")


_watching: list[OpenedFiles] = []


def _find_source(path: str) -> str:
    """Return the source of a file of bytecode, which Python opens in its place."""
    if not path.endswith(".pyc"):
        return path
    try:
        return source_from_cache(path)
    except ValueError:  # it has no source
        return path


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
    if not _watching or (event not in OPENINGS and event not in LISTINGS):
        return
    path, writes = arguments[0], False
    if event == "open":
        writes = bool((arguments[2] or 0) & WRITES)
    elif event in LISTINGS and sys._getframe(1).f_code.co_filename in SEARCHES:
        return
    if isinstance(path, (str, bytes, os.PathLike)):
        for files in _watching:
            files.add(os.fsdecode(path), writes=writes)
