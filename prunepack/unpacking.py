"""Unpacking of an artifact into a new folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.arguments import PATH, SWITCH, check_arguments
from prunepack.io.atomic import create_folder
from prunepack.io.progress import PROGRESS, ignore_progress
from prunepack.reading.artifact import Artifact

if TYPE_CHECKING:
    from prunepack.format.limits import Limits
    from prunepack.io.progress import Progress

__all__ = ["unpack"]


@check_arguments(out_dir=PATH, force=SWITCH, progress=PROGRESS)
def unpack(
    path: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    force: bool = False,
    limits: Limits | None = None,
    progress: Progress = ignore_progress,
) -> None:
    """Write the packed files into a new folder, which appears after all of them are verified.

    Args:
        path: The artifact.
        out_dir: The folder to create; its parent must exist.
        force: Replace a folder that exists, provided it holds no other files.
        limits: Reader limits, if not the default.
        progress: Called with bytes done and bytes in total.

    Raises:
        UsageError: If a path cannot be used.
        RefusedError: If the artifact is damaged, unknown or too large; nothing was written.
    """
    with Artifact.open(path, limits) as artifact:
        artifact.check_digest()
        total = sum(file.size for file in artifact.files.values())
        done = 0
        with create_folder(Path(out_dir), artifact.files.keys(), force=force) as folder:
            for name in artifact.files:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    for piece in artifact.iter_file(name):
                        out.write(piece)
                        done += piece.nbytes
                        progress(done, total)
                    out.flush()
                    os.fsync(out.fileno())
