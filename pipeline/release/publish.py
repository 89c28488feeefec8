"""What a person looks for, where they look: copies of the newest results in ``artifacts/NAME/``.

The report says there, beside what was judged, which run it comes from.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from prunepack.io.atomic import replace_file
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.release.lineage import lineage
from prunepack.stages.contract.outputs import read_json
from prunepack.stages.metrics.metric import write_json
from prunepack.stages.reporting.writers import FILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.pipeline.cache.history import Event

__all__ = ["PUBLISHED", "publish"]

PUBLISHED = {
    "finetune": ("pruned_model.pth",),
    "export": ("model.onnx", "model.onnx.data"),
    "pack": ("model.prunepack",),
    "gate": FILES,
}
"""Stage → the files of its result that people look for."""


def publish(events: Sequence[Event], folder: Path) -> list[Path]:
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
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in {name for names in PUBLISHED.values() for name in names} - sources.keys():
            (folder / name).unlink(missing_ok=True)
        for name, source in sources.items():
            with replace_file(folder / name, durable=False) as draft:
                if name == "report.json":
                    provenance = lineage(folder.name, events)
                    write_json(draft, {**read_json(source), "provenance": provenance})
                else:
                    shutil.copyfile(source, draft)
        return [folder / name for name in sources]
