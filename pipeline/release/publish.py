"""Publication of the newest results: copies in ``artifacts/NAME/``.

The published report has the provenance of its run and the digests of the files beside it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.atomic import replace_file
from prunepack.io.digests import hash_file
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.release.lineage import make_provenance
from prunepack.pipeline.release.rounds import list_rounds
from prunepack.pipeline.release.sensitivity import read_sensitivity
from prunepack.stages.metrics.metric import write_json
from prunepack.stages.reporting.report import Note, Provenance, Report, to_json
from prunepack.stages.reporting.writers import FILES, write_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.pipeline.runs.event import Event

__all__ = ["PUBLISHED", "publish"]

PUBLISHED = {
    "finetune": ("pruned_model.pth",),
    "prune": ("model.onnx", "model.onnx.data"),  # where the source is ONNX
    "export": ("model.onnx", "model.onnx.data"),
    "compact": ("model.onnx", "model.onnx.data"),
    "pack": ("model.prunepack",),
    "gate": FILES,
}
"""Published files of each stage."""


def publish(events: Sequence[Event], folder: Path) -> list[Path]:
    """Copy the results of ``events`` into ``folder`` and take older ones away.

    A later event of the same stage wins. Each file appears whole; what this run did not make is
    removed, so that files of two runs never stand side by side.

    Raises:
        RefusedError: If a file is not the one that its stage made.
        UsageError: If the folder cannot be written to.
    """
    sources = _find_sources(events)
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in {name for names in PUBLISHED.values() for name in names} - sources.keys():
            (folder / name).unlink(missing_ok=True)
        with TemporaryDirectory() as name:
            drafts = Path(name)
            for source in sources.values():
                _copy(source, drafts if source.name in FILES else folder)
            if "report.json" in sources:
                _write_report(drafts, folder, events, sources)
        return [folder / name for name in sources]


@dataclass(frozen=True, slots=True)
class _Source:
    """A file to publish, and the SHA-256 that it had when its stage ended."""

    path: Path
    sha256: str
    stage: str

    @property
    def name(self) -> str:
        return self.path.name


def _find_sources(events: Sequence[Event]) -> dict[str, _Source]:
    newest = {event.stage: event for event in events}
    if "compact" in newest:  # its model stands in the place of the one that it was made from
        newest.pop("export", None)
    return {
        name: _Source(newest[stage].path / name, newest[stage].files[name], stage)
        for stage, names in PUBLISHED.items()
        for name in names
        if stage in newest and name in newest[stage].files
    }


def _copy(source: _Source, folder: Path) -> None:
    """Copy a file; the copy itself is hashed, since the disk may have changed the stored one."""
    with replace_file(folder / source.name, durable=False) as draft:
        shutil.copyfile(source.path, draft)
        found = hash_file(draft)
        if found != source.sha256:
            raise RefusedError(
                f"`{source.path}` is not the file that {source.stage} made",
                expected=f"{source.sha256[:12]}…",
                found=f"{found[:12]}…",
                hint=f"Run the recipe again with --force {source.stage}",
            )


def _write_report(
    drafts: Path, folder: Path, events: Sequence[Event], sources: Mapping[str, _Source]
) -> None:
    """Write the report of the run in each format; ``report.json`` lists all published files.

    A run with nothing to do leaves them as they are, because pages take long to draw.
    """
    report = _complete_report(drafts / "report.json", folder, events)
    published = {name: source.sha256 for name, source in sources.items() if name not in FILES}
    if _is_published(report, folder, published):
        return
    write_report(report, drafts)
    published |= {name: hash_file(drafts / name) for name in FILES if name != "report.json"}
    write_json(drafts / "report.json", to_json(report.model_copy(update={"files": published})))
    for name in FILES:
        with replace_file(folder / name, durable=False) as draft:
            shutil.copyfile(drafts / name, draft)


def _is_published(report: Report, folder: Path, models: Mapping[str, str]) -> bool:
    """Return whether ``folder`` holds this report, with the files that its digests name.

    The report has the key of every stage, so it was drawn by the same code.
    """
    try:
        known = json.loads((folder / "report.json").read_bytes())
        files = dict(known["files"])
        is_whole = files.keys() == {*models, *FILES} - {"report.json"}
        drawn = {name: hash_file(folder / name) for name in files.keys() - models.keys()}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    same = to_json(report.model_copy(update={"files": files})) == known
    return is_whole and same and files == {**models, **drawn}


def _complete_report(source: Path, folder: Path, events: Sequence[Event]) -> Report:
    """Return the report in ``source`` with the run that it comes from and the stages' notes."""
    report = Report.model_validate_json(source.read_bytes())
    recipe = folder.name
    known = {
        "recipe": recipe,
        "rounds": tuple(list_rounds(events)),
        "sensitivity": read_sensitivity(folder, events),
    }
    return report.model_copy(
        update={
            "details": report.details.model_copy(update=known),
            "provenance": Provenance.model_validate(make_provenance(recipe, events)),
            "notes": tuple(
                Note(stage=event.stage, text=text) for event in events for text in event.notes
            ),
        }
    )
