"""Remote folder through fsspec: a shared folder, or a prefix in a bucket."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fsspec import AbstractFileSystem

__all__ = ["RemoteFolder"]


class RemoteFolder:
    """A folder of files under a URL, such as ``s3://bucket/prefix`` or ``file:///mnt/shared``.

    Args:
        address: The URL; a path is one on this machine.

    Raises:
        UsageError: If it cannot be reached, or a package for it is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        try:
            import fsspec
        except ModuleNotFoundError:
            raise _missing("fsspec") from None
        with self._explain():
            self._system: AbstractFileSystem
            self._system, root = fsspec.url_to_fs(address)
            self._root = root.rstrip("/")
            self._is_local = "file" in self._system.protocol
        self._try_out()

    def _try_out(self) -> None:
        """Write and read a small file, so that a wrong address is known before a trial."""
        content = b"prunepack\n"
        self.write("prunepack.txt", content)
        if self.read("prunepack.txt") != content:
            raise UsageError(
                f"the remote store `{self.address}` cannot be used",
                expected="a file that was just written",
                found="other contents",
                hint="Name another folder or bucket with --remote",
            )

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if it does not exist."""
        with self._explain():
            try:
                content: bytes = self._system.cat_file(self._place(name))
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""
        with self._explain():
            self._make_parent(name)
            self._system.pipe_file(self._place(name), content)

    def upload(self, source: Path, name: str) -> None:
        """Copy a file into the remote folder."""
        with self._explain():
            self._make_parent(name)
            self._system.put_file(str(source), self._place(name))

    def download(self, name: str, target: Path) -> bool:
        """Copy a file from the remote folder; return whether it exists."""
        with self._explain():
            try:
                self._system.get_file(self._place(name), str(target))
            except FileNotFoundError:
                return False
            return True

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _make_parent(self, name: str) -> None:
        """Make the folder of a file; a bucket has no folders."""
        if self._is_local:
            self._system.makedirs(self._place(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _explain(self) -> Iterator[None]:
        """Turn any error of a library for remote files into one that says what to do."""
        try:
            yield
        except ModuleNotFoundError as error:
            raise _missing(error.name or "s3fs") from error
        except ImportError as error:  # fsspec's word for a scheme whose package is missing
            raise _missing(str(error)) from error
        except Exception as error:
            raise UsageError(
                f"the remote store `{self.address}` cannot be used",
                expected="a folder or a bucket that can be written to",
                found=f"{type(error).__name__}: {error}".splitlines()[0].rstrip("."),
                hint="Check the address, the credentials and the rights",
            ) from error


def _missing(package: str) -> UsageError:
    return UsageError(
        "--remote needs a package that is not installed",
        found=package,
        hint="Run `pip install 'prunepack[distributed]'`",
    )
