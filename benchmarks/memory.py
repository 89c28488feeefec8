"""Peak memory: decoding the large models, and a 6 GiB model packed, unpacked and started.

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


def peak(task: str, *paths: Path) -> dict[str, Any]:
    """Run one task and return what it says about itself."""
    command = [sys.executable, "-m", "benchmarks.peak", task, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def decoding(folder: Path) -> list[dict[str, Any]]:
    """Return what decoding needs beyond the buffer it decodes to, at 90 %."""
    rows = []
    for model in MODELS:
        packed = folder / f"{model}.prunepack"
        prunepack.pack(onnx_model(model), packed)
        facts = peak("decode", packed)
        extra = (facts["peak"] - facts["before"]) / facts["dense"] - 1
        rows.append({"model": model, **facts, "extra": round(extra, 4)})
    return rows


def large(folder: Path, layers: int) -> dict[str, Any]:
    """Return what a model of ``layers`` × 256 MiB needs on its way there and back.

    Raises:
        UsageError: If there is not enough room for it on the disk.
        PrunepackError: If it does not come back byte for byte.
    """
    size = 4 * WIDTH**2 * layers
    check_room(folder, 5 * size // 2)
    (folder / "source").mkdir()
    source = write_large_model(folder / "source", layers, WIDTH)
    artifact, back = folder / "model.prunepack", folder / "back"
    facts = {"bytes": size, "pack": peak("pack", source, artifact)}
    facts |= {"artifact": artifact.stat().st_size, "unpack": peak("unpack", artifact, back)}
    for file in source.parent.iterdir():
        if hash_file(file) != hash_file(back / file.name):
            raise PrunepackError(f"{file.name} did not come back", hint="Report this as a bug.")
    shutil.rmtree(back)
    return {**facts, "start": peak("start", artifact)}


def check_room(folder: Path, needed: int) -> None:
    """Refuse to fill the disk.

    Raises:
        UsageError: If fewer than ``needed`` bytes are free where ``folder`` is.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UsageError(
            f"{folder} has no room for the large model",
            expected=f"{needed:,} bytes",
            found=f"{free:,}",
            hint="Choose another place with --folder, or a smaller model with --layers.",
        )


def main() -> None:
    """Measure and write ``results/memory.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=gettempdir(), help="where there is room for 16 GB")
    parser.add_argument("--layers", type=int, default=LAYERS, help="fewer write nothing")
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.folder) as folder:
        result = {
            "host": host_name(),
            "decode": decoding(Path(folder)),
            "large": large(Path(folder), options.layers),
        }
    if options.layers == LAYERS:
        write_result("memory", result)
    else:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
