"""``prunepack fetch``: download a dataset, once."""

from __future__ import annotations

import click

from prunepack.pipeline.cli.command import JSON, Verb, show
from prunepack.stages.data.datasets import DATASETS, fetch

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    return Verb(
        name,
        example="prunepack fetch mnist",
        callback=_fetch,
        params=[click.Argument(["dataset"]), JSON],
        help="Download DATASET into the cache, unless it is there; checked by its SHA-256.\n\n"
        f"Datasets: {', '.join(DATASETS.names())}. The cache is PRUNEPACK_CACHE, or "
        "~/.cache/prunepack.",
    )


@click.pass_context
def _fetch(ctx: click.Context, dataset: str, *, as_json: bool) -> None:
    DATASETS.check(dataset)
    ctx.obj.note(f"looking for {dataset}")
    path, downloaded = fetch(dataset)
    state = "downloaded to" if downloaded else "is at"
    show(
        f"{dataset} {state} {path}", {"path": str(path), "downloaded": downloaded}, as_json=as_json
    )
