"""Files of metrics: ``parity.json``, ``measurements.json`` and ``report.json``."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from prunepack.errors import RefusedError
from prunepack.io.json_files import parse_object, read_small_file
from prunepack.stages.metrics.consistency import check_agreement, check_plausible
from prunepack.stages.metrics.metric import Metrics, metrics_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["FORMAT", "MetricSet", "collect_metrics", "find_metrics_file", "read_metrics"]

FORMAT: Literal[2] = 2
"""Version of ``report.json``; a reader refuses any other."""

NAMES = ("report.json", "parity.json", "measurements.json")

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MetricSet:
    """Metrics, and what they were measured on.

    Attributes:
        metrics: The metrics by name.
        digests: SHA-256 of each measured file, by its name.
        host: The machine that times were measured on; empty without times.
        content: All keys of the file.
        files: SHA-256 of each file that a run published with its report, by its name.
        sha256: SHA-256 of the file of metrics; empty for a set of several files.
    """

    metrics: Metrics
    digests: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""


def collect_metrics(sources: Sequence[Path]) -> MetricSet:
    """Return the metrics of all ``sources`` in one set.

    Raises:
        RefusedError: If a source cannot be read, or two sources are about different models or
            disagree.
    """
    if len(sources) == 1:
        return read_metrics(sources[0])
    known = MetricSet({})
    for source in sources:
        found = read_metrics(source)
        check_agreement(known, found, f"`{source}`", f"`{sources[0]}`")
        known = MetricSet(
            {**known.metrics, **found.metrics},
            {**known.digests, **found.digests},
            found.host or known.host,
            {**known.content, **found.content},
            {**known.files, **found.files},
        )
    return known


def read_metrics(source: Path) -> MetricSet:
    """Read a file of verify, measure or gate.

    Raises:
        RefusedError: If it is another file, has a format that this version cannot read, or holds
            a value that no measurement gives.
    """
    text = read_small_file(source)
    content = parse_object(text, source)
    found = content.get("format", FORMAT)
    if found != FORMAT:
        raise RefusedError(
            f"`{source}` has an unknown format",
            expected=f"report format {FORMAT}",
            found=str(found)[:60],
            hint="Run the stages again with this version of prunepack",
        )
    digests = _read_digests(source, content.get("digests", {}))
    files = _read_digests(source, content.get("files") or {})
    host = _read_host(source, content.get("host", ""))
    _check_unicode(source, content)
    metrics = metrics_from_json(content.get("metrics"), source)
    check_plausible(metrics, source)
    return MetricSet(metrics, digests, host, content, files, hashlib.sha256(text).hexdigest())


def _read_digests(source: Path, value: object) -> dict[str, str]:
    if isinstance(value, dict) and all(map(_is_sha256, value.values())):
        return value
    raise RefusedError(
        f"the digests in `{source}` are malformed",
        expected="a SHA-256 for each file",
        found=repr(value)[:60],
    )


def _read_host(source: Path, value: object) -> str:
    if isinstance(value, str):
        return value
    raise RefusedError(
        f"the host in `{source}` is malformed", expected="text", found=repr(value)[:60]
    )


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _check_unicode(source: Path, content: Mapping[str, Any]) -> None:
    """Refuse lone surrogates, which JSON can spell but no file can hold."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise RefusedError(
            f"`{source}` holds malformed text", expected="Unicode text", found=error.reason
        ) from None


def find_metrics_file(path: Path) -> Path:
    """Return the file of metrics in a folder of verify, measure or a run; or the file itself."""
    inside = [path / name for name in NAMES if (path / name).is_file()]
    return inside[0] if inside else path
