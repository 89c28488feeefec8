"""Benchmark of peak memory: decode the large models; pack, unpack and start one of 6 GiB.

Each task is a process of its own, see :mod:`benchmarks.peak`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import prunepack
from benchmarks.large_model import write_large_model
from benchmarks.models import onnx_model
from benchmarks.results import write_result
from prunepack.errors import PrunepackError, UsageError
from prunepack.io.digests import hash_file
from prunepack.stages.runtime.host import host_name

MODELS = ("minilm", "crepe_full")
WIDTH, LAYERS = 8192, 24
"""24 layers of 256 MiB."""


def run_task(task: str, *paths: Path) -> dict[str, Any]:
    """Run one task; return its memory and time."""
    command = [sys.executable, "-m", "benchmarks.peak", task, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def measure_decoding(folder: Path) -> list[dict[str, Any]]:
    """Return the memory that decoding needs beside its buffer, at 90 %."""
    rows = []
    for model in MODELS:
        packed = folder / f"{model}.prunepack"
        prunepack.pack(onnx_model(model), packed)
        facts = run_task("decode", packed)
        extra = (facts["peak"] - facts["before"]) / facts["dense"] - 1
        rows.append({"model": model, **facts, "extra": round(extra, 4)})
    return rows


def measure_large_model(folder: Path, layers: int) -> dict[str, Any]:
    """Return memory and time to pack, unpack and start a model of ``layers`` × 256 MiB.

    Raises:
        UsageError: If the disk has too little free space.
        PrunepackError: If it does not come back byte for byte.
    """
    size = 4 * WIDTH**2 * layers
    check_room(folder, 5 * size // 2)
    (folder / "source").mkdir()
    source = write_large_model(folder / "source", layers, WIDTH)
    artifact, back = folder / "model.prunepack", folder / "back"
    facts = {"bytes": size, "pack": run_task("pack", source, artifact)}
    facts |= {"artifact": artifact.stat().st_size, "unpack": run_task("unpack", artifact, back)}
    for file in source.parent.iterdir():
        if hash_file(file) != hash_file(back / file.name):
            raise PrunepackError(
                f"`{file.name}` did not come back byte for byte", hint="Report this as a bug"
            )
    shutil.rmtree(back)
    return {**facts, "start": run_task("start", artifact)}


def check_room(folder: Path, needed: int) -> None:
    """Check the free space of the disk.

    Raises:
        UsageError: If fewer than ``needed`` bytes are free on the disk of ``folder``.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UsageError(
            f"`{folder}` has too little free space for the large model",
            expected=f"{needed:,} bytes",
            found=f"{free:,}",
            hint="Choose another folder with --folder, or a smaller model with --layers",
        )


def main() -> None:
    """Measure, and write ``results/memory.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", default=gettempdir(), help="folder on a disk with 16 GB of free space"
    )
    parser.add_argument(
        "--layers",
        type=int,
        default=LAYERS,
        help="number of layers; with another number no result is written",
    )
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.folder) as folder:
        result = {
            "host": host_name(),
            "decode": measure_decoding(Path(folder)),
            "large": measure_large_model(Path(folder), options.layers),
        }
    if options.layers == LAYERS:
        write_result("memory", result)
    else:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
