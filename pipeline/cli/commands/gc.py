"""``prunepack gc``: garbage collection of stored results."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.pipeline.cache.history import list_kept_digests
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.command import artifacts_option, command, json_option
from prunepack.pipeline.cli.console import print_result

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["gc_command"]


@command(example="prunepack gc")
@artifacts_option
@json_option
def gc_command(*, artifacts: Path, as_json: bool) -> None:
    """Delete stored results that the last runs do not need.

    The last run of each recipe keeps its results.
    """
    if not (artifacts / ".store").is_dir():
        raise UsageError(
            f"`{artifacts}` holds no store", hint="Name the folder of runs with --artifacts"
        )
    with Store(artifacts) as store:
        freed = store.gc(list_kept_digests(artifacts))
    text = f"deleted {freed.objects} results and {freed.actions} records, {freed.bytes:,} bytes"
    print_result(text, asdict(freed), as_json=as_json)
