"""What a person looks for, where they look: copies of the newest results in ``artifacts/NAME/``."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pipeline.store import writing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.history import Event

__all__ = ["PUBLISHED", "publish"]

PUBLISHED = {
    "finetune": ("pruned_model.pth",),
    "export": ("model.onnx", "model.onnx.data"),
    "pack": ("model.prunepack",),
    "gate": ("report.json", "report.md", "junit.xml"),
}
"""Stage → the files of its result that people look for."""


def publish(events: Iterable[Event], folder: Path) -> list[Path]:
    """Copy the results of ``events`` into ``folder`` and take older ones away.

    A later event of the same stage wins. Each file appears whole; what this run did not make is
    removed, so that files of two runs never stand side by side.

    Raises:
        UsageError: If the folder cannot be written to.
    """
    newest = {event.stage: event.path for event in events}
    sources = {
        name: newest[stage] / name
        for stage, names in PUBLISHED.items()
        for name in names
        if stage in newest and (newest[stage] / name).exists()
    }
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in {name for names in PUBLISHED.values() for name in names} - sources.keys():
            (folder / name).unlink(missing_ok=True)
        return [_copy(source, folder / name) for name, source in sources.items()]


def _copy(source: Path, target: Path) -> Path:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target
