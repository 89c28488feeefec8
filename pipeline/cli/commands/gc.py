"""``prunepack gc``: garbage collection of stored results."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from prunepack.errors import UsageError
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.command import artifacts_option, command, json_option
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.runs.run_files import delete_run, list_kept_digests, list_old_runs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["gc_command"]


@command(example="prunepack gc --keep 20")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    metavar="N",
    help="Delete first the records of all runs but the N newest, and the last one of each recipe.",
)
@artifacts_option
@json_option
def gc_command(*, keep: int | None, artifacts: Path, as_json: bool) -> None:
    """Delete stored results that no run needs.

    All runs that `prunepack ls` lists keep their results.
    """
    if not (artifacts / ".store").is_dir():
        raise UsageError(
            f"`{artifacts}` holds no store", hint="Name the folder of runs with --artifacts"
        )
    with Store(artifacts) as store:
        old = [] if keep is None else list_old_runs(artifacts, keep)
        for run in old:
            delete_run(artifacts, run.number)
        freed = store.gc(list_kept_digests(artifacts))
    runs = "" if keep is None else f"{len(old)} runs, "
    text = (
        f"deleted {runs}{freed.objects} results and {freed.actions} records, {freed.bytes:,} bytes"
    )
    print_result(text, {"runs": len(old), **asdict(freed)}, as_json=as_json)
