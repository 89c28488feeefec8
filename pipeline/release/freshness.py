"""Freshness of metrics: a report of an older model must not pass for that of the files at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.digests import hash_file
from prunepack.pipeline.cache.objects import hash_tree
from prunepack.pipeline.release.folder import check_models
from prunepack.pipeline.release.lineage import read_stage_results
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint, find_kind
from prunepack.stages.reporting.writers import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prunepack.stages.metrics.files import MetricSet

__all__ = ["check_at_hand", "check_beside", "check_published", "check_unchanged"]

MODEL, DATA = "model.onnx", "model.onnx.data"
"""The exported model, and its weights where they do not fit into one file."""


def check_beside(measured: MetricSet, source: Path) -> None:
    """Refuse metrics in ``source`` that belong to other files than those in the same folder.

    Raises:
        RefusedError: If a file beside it has the name of a measured file and other contents, is a
            part of the model that was missing at the measurement, or a model that is not in the
            report.
    """
    known = _list_models(measured)
    for file in _parts(source.parent, known):
        _compare(known, source, file, file.name)
    if "verdict" in measured.content:
        check_models(source.parent, known, source)


def check_published(measured: MetricSet, source: Path) -> None:
    """Refuse a report in ``source`` whose run did not publish the files in the same folder.

    Raises:
        RefusedError: If a file that the run published is missing or has other contents.
    """
    for name in measured.files:
        _compare(measured.files, source, source.with_name(name), name)


def check_at_hand(measured: MetricSet, source: Path, path: Path) -> None:
    """Refuse metrics in ``source`` that do not belong to the file or folder ``path``.

    Raises:
        RefusedError: If they do not, or ``source`` has no digests.
    """
    if path.is_dir():
        _compare_folder(measured, source, path)
        return
    known = _list_models(measured)
    if path.suffix == ".onnx":
        _compare(known, source, path, MODEL)
        if DATA in known:
            _compare(known, source, path.with_name(f"{path.name}.data"), DATA)
    else:
        ending = [name for name in known if name.endswith(path.suffix or "?")]
        _compare(known, source, path, ending[0] if len(ending) == 1 else path.name)


def check_unchanged(digests: Mapping[Path, str]) -> None:
    """Refuse files that were replaced between their check and their use.

    Raises:
        RefusedError: If the SHA-256 of a file is no longer that in ``digests``.
    """
    for file, digest in digests.items():
        if hash_file(file) != digest:
            raise RefusedError(
                f"`{file}` changed while it was judged", hint="Let no other program write to it"
            )


def _list_models(measured: MetricSet) -> dict[str, str]:
    """Return the digests of measured files, and of models that were published with them.

    Without digests of measured files, a report does not name the model of its metrics.
    """
    if not measured.digests:
        return {}
    published = {name: sha for name, sha in measured.files.items() if name not in FILES}
    return {**measured.digests, **published}


def _parts(folder: Path, digests: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files in ``folder`` that belong to a release."""
    for file in sorted(folder.iterdir()):
        if file.name in digests or file.name in {MODEL, DATA}:
            yield file


def _compare_folder(measured: MetricSet, source: Path, folder: Path) -> None:
    parts = list(_parts(folder, measured.digests))
    for file in parts:
        _compare(measured.digests, source, file, file.name)
    if parts:
        return
    find_kind(folder, (Checkpoint, MaskedCheckpoint))
    known, found = read_stage_results(measured.content.get("provenance")), hash_tree(folder)
    if found not in known.values():
        stages = ", ".join(f"{stage} {digest[:12]}…" for stage, digest in known.items())
        raise _stale(source, folder, stages or "a report with the provenance of a run", found)


def _compare(known: Mapping[str, str], source: Path, file: Path, name: str) -> None:
    wanted = known.get(name, "")
    try:
        found = hash_file(file)
    except OSError as error:
        raise _stale(source, file, f"{wanted[:12]}…", error.strerror or "") from None
    if found != wanted:
        expected = f"{name} {wanted[:12]}…" if wanted else _listing(known)
        raise _stale(source, file, expected, found)


def _listing(digests: Mapping[str, str]) -> str:
    return f"one of {', '.join(digests)}" if digests else "metrics with the digests of their files"


def _stale(source: Path, path: Path, expected: str, found: str) -> RefusedError:
    short = f"{found[:12]}…" if len(found) == 64 else found
    return RefusedError(
        f"`{source}` does not belong to `{path}`",
        expected=expected,
        found=short,
        hint="Measure again, or give the files that were measured",
    )
