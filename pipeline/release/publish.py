"""Publication of the newest results: copies in ``artifacts/NAME/``.

The published report has the provenance of its run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.io.atomic import replace_file
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.release.lineage import make_provenance
from prunepack.stages.reporting.report import Note, Provenance, Report
from prunepack.stages.reporting.writers import FILES, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.cache.history import Event

__all__ = ["PUBLISHED", "publish"]

PUBLISHED = {
    "finetune": ("pruned_model.pth",),
    "prune": ("model.onnx", "model.onnx.data"),  # where the source is ONNX
    "export": ("model.onnx", "model.onnx.data"),
    "pack": ("model.prunepack",),
    "gate": FILES,
}
"""Published files of each stage."""


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
        with TemporaryDirectory() as drafts:
            if "report.json" in sources:
                write_report(
                    _complete_report(sources["report.json"], folder.name, events), Path(drafts)
                )
                sources |= {name: Path(drafts, name) for name in FILES}
            for name, source in sources.items():
                with replace_file(folder / name, durable=False) as draft:
                    shutil.copyfile(source, draft)
        return [folder / name for name in sources]


def _complete_report(source: Path, recipe: str, events: Sequence[Event]) -> Report:
    """Return the report in ``source`` with the run that it comes from and the stages' notes."""
    report = Report.model_validate_json(source.read_bytes())
    return report.model_copy(
        update={
            "provenance": Provenance.model_validate(make_provenance(recipe, events)),
            "notes": tuple(
                Note(stage=event.stage, text=text) for event in events for text in event.notes
            ),
        }
    )
