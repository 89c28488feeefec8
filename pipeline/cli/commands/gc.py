"""``prunepack gc``: delete results that no recipe's last run needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.pipeline.cache.history import kept_digests
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.command import ARTIFACTS, JSON, Verb, show

if TYPE_CHECKING:
    import click

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack gc",
        callback=_gc,
        params=[ARTIFACTS, JSON],
        help="Delete every stored result that no recipe's last run needs.",
    )


def _gc(*, artifacts: str, as_json: bool) -> None:
    root = Path(artifacts)
    if not (root / ".store").is_dir():
        raise UsageError(f"{root} holds no store", hint="Name the folder of runs with --artifacts.")
    with Store(root) as store:
        freed = store.gc(kept_digests(root))
    text = f"deleted {freed.objects} results and {freed.actions} records, {freed.bytes:,} bytes"
    show(text, asdict(freed), as_json=as_json)
