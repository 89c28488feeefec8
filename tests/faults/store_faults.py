"""Faults of the store: a stored file is no longer the one that its stage made.

A damaged small file is built again, so the run passes. Here every file counts as large, and its
time does not show the damage, so that only publication can find it.
"""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

from prunepack.pipeline.cache import objects
from tests.faults.fault import Fault
from tests.faults.lab import released

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]


def _plant(stage: str, name: str, folder: Path) -> Sequence[Command]:
    """Flip a bit of a stored file of the honest run, and run its recipe again."""
    report = json.loads((released("lenet") / "runs/recipe/report.json").read_bytes())
    results = {one["stage"]: one["result"] for one in report["provenance"]["stages"]}
    shutil.copytree(released("lenet") / "runs", folder / "runs")
    file = folder / "runs/.store/objects" / results[stage] / name
    file.chmod(0o644)
    content, state = bytearray(file.read_bytes()), file.stat()
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    recipe = str(released("lenet") / "recipe.toml")
    return [["run", recipe, "--artifacts", str(folder / "runs"), "--until", "pack"]]


def _all_large() -> AbstractContextManager[object]:
    return mock.patch.object(objects, "SMALL", -1)


FAULTS = tuple(
    Fault(
        f"a bit of a stored {name} flipped",
        "artifact",
        partial(_plant, stage, name),
        4,
        rf"{name}` is not the file that {stage} made",
        during=_all_large,
        found_by="others",
    )
    for stage, name in (
        ("pack", "model.prunepack"),
        ("compact", "model.onnx"),
        ("finetune", "pruned_model.pth"),
    )
)
