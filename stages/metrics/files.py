"""MetricSet figures with what they were measured on, read from the files that hold them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import read_json
from prunepack.stages.metrics.metric import Metrics, metrics_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["FORMAT", "MetricSet", "collect_metrics", "find_metrics_file", "read_metrics"]

FORMAT = 1
"""Version of ``report.json``; a reader refuses one that it does not know."""


@dataclass(frozen=True, slots=True)
class MetricSet:
    """Figures, and what they are of.

    Attributes:
        metrics: The figures by name.
        digests: SHA-256 of each file that was measured, by its name.
        host: The machine that times were measured on; empty if there are none.
        content: Everything else that the file says.
    """

    metrics: Metrics
    digests: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)


def collect_metrics(sources: Sequence[Path]) -> MetricSet:
    """Return the figures in ``sources`` together.

    Raises:
        RefusedError: If a source cannot be read, or two speak of different models.
    """
    metrics: Metrics = {}
    digests: dict[str, str] = {}
    content: dict[str, Any] = {}
    host = ""
    for source in sources:
        found = read_metrics(source)
        for name, digest in found.digests.items():
            if digests.setdefault(name, digest) != digest:
                raise RefusedError(
                    f"{source} is of another model than {sources[0]}",
                    expected=f"{name} {digests[name][:12]}…",
                    found=f"{digest[:12]}…",
                    hint="Verify and measure the same artifact.",
                )
        metrics |= found.metrics
        content |= found.content
        host = found.host or host
    return MetricSet(metrics, digests, host, content)


def read_metrics(source: Path) -> MetricSet:
    """Return what a file of verify, measure or gate says.

    Raises:
        RefusedError: If it is not one, or of a format that this version does not know.
    """
    content = read_json(source)
    digests, host = content.get("digests", {}), content.get("host", "")
    if content.get("format", FORMAT) != FORMAT:
        raise RefusedError(
            f"{source}", expected=f"report format {FORMAT}", found=str(content["format"])
        )
    if not isinstance(digests, dict) or any(not isinstance(d, str) for d in digests.values()):
        raise RefusedError(
            f"{source}: digests", expected="a SHA-256 for each file", found=repr(digests)[:60]
        )
    if not isinstance(host, str):
        raise RefusedError(f"{source}: host", expected="a text", found=repr(host)[:60])
    _check_text(source, content)
    return MetricSet(metrics_from_json(content.get("metrics"), source), digests, host, content)


def _check_text(source: Path, content: Mapping[str, Any]) -> None:
    """Refuse halves of characters, which JSON can spell and no file can hold."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise RefusedError(f"{source}", expected="Unicode text", found=error.reason) from None


def find_metrics_file(path: Path) -> Path:
    """Return the file of figures in a folder of verify, measure or a run; or the file itself."""
    names = ("report.json", "parity.json", "measurements.json")
    inside = [path / name for name in names if (path / name).is_file()]
    return inside[0] if inside else path
