"""``prunepack fetch``: the download of a dataset, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.pipeline.cli.command import command, json_option
from prunepack.pipeline.cli.completion import complete_dataset
from prunepack.pipeline.cli.console import print_result
from prunepack.stages.data.datasets import DATASETS, fetch

if TYPE_CHECKING:
    from prunepack.pipeline.cli.console import Console

__all__ = ["fetch_command"]

HELP = f"""Download a dataset, checked by its SHA-256.

DATASET is one of: {", ".join(DATASETS.names())}. The dataset is stored once, in the folder that the
environment variable PRUNEPACK_CACHE names, or in ~/.cache/prunepack.
"""


@command(example="prunepack fetch mnist", help=HELP)
@click.argument("dataset", shell_complete=complete_dataset)
@json_option
@click.pass_obj
def fetch_command(console: Console, dataset: str, *, as_json: bool) -> None:
    """Download a dataset, unless it is in the cache."""
    DATASETS.check(dataset)
    console.note(f"looking for {dataset}")
    path, downloaded = fetch(dataset)
    state = "downloaded to" if downloaded else "is at"
    facts = {"path": str(path), "downloaded": downloaded}
    print_result(f"{dataset} {state} {path}", facts, as_json=as_json)
