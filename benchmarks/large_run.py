"""Benchmark of a large model through all stages: peak memory and time of each.

A synthetic fp32 model is written as sharded safetensors with an index, as people publish large
models. Each stage is a process of its own; its memory is read from ``/proc`` while it runs.
``python -m benchmarks.large_run`` needs about 10 times the size of the model on disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.memory import check_room
from benchmarks.results import write_result
from prunepack.errors import PrunepackError
from prunepack.stages.runtime.host import host_name

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["run_stages", "write_shards"]

WIDTH = 8192
GIGABYTES = 3
ROOM = 10
"""Size of all files beside the size of the model."""
PERIOD = 0.02
"""Seconds between two readings of the memory of a stage."""

RUN = "from prunepack.pipeline.cli import main; main()"

FACTORY = """
import torch
from torch import nn


def build():
    with torch.device("meta"):
        layers = [nn.Linear({width}, {width}, bias=False) for _ in range({layers})]
        return nn.Sequential(*layers).to_empty(device="cpu")
"""


def count_layers(gigabytes: float) -> int:
    """Return the number of layers of a model of about that size."""
    return max(2, round(gigabytes * 1e9 / (4 * WIDTH**2)))


def write_shards(folder: Path, layers: int, width: int) -> Path:
    """Write a state dict, two layers per shard, and return its index."""
    from safetensors.numpy import save_file

    shards = -(-layers // 2)
    places: dict[str, str] = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        weights = {}
        for layer in range(2 * shard, min(2 * shard + 2, layers)):
            generator = np.random.default_rng(layer)
            weight = generator.standard_normal((width, width), np.float32)
            weights[f"{layer}.weight"] = weight / np.float32(np.sqrt(width))
        save_file(weights, folder / name)
        places |= dict.fromkeys(weights, name)
    index = folder / "model.safetensors.index.json"
    size = 4 * width**2 * layers
    index.write_text(json.dumps({"metadata": {"total_size": size}, "weight_map": places}))
    return index


def run_stages(folder: Path, layers: int, width: int = WIDTH) -> list[dict[str, Any]]:
    """Run all stages in ``folder`` and return time and peak memory of each."""
    (folder / "net.py").write_text(FACTORY.format(width=width, layers=layers))
    shards = folder / "shards"
    shards.mkdir()
    index = write_shards(shards, layers, width)
    inputs = ("--inputs", f"name=x,shape={width}")
    words = "--batch-sizes 1 --repeats 10 --rounds 5 --seconds 1 -o measured"
    quick = tuple(words.split())
    stages: list[tuple[str, ...]] = [
        ("load", "--model", "net.py:build", "--weights", str(index), *inputs, "-o", "dense"),
        ("prune", "dense", "--scope", "local", "-o", "masked_local"),
        ("prune", "dense", "--scope", "global", "-o", "masked"),
        ("finetune", "masked", "dense", "--epochs", "0", "-o", "tuned"),
        ("finalize", "masked", "-o", "final"),
        ("export", "final", "-o", "onnx"),
        ("pack", "onnx", "-o", "model.prunepack"),
        ("export", "dense", "-o", "dense_onnx"),
        ("verify", "dense", "final", "onnx", "model.prunepack", "-o", "parity"),
        ("measure", "dense", "masked", "dense_onnx", "onnx", "model.prunepack", *quick),
    ]
    rows = []
    for at, command in enumerate(stages):
        row = {"stage": _name(command), **watch_command(command, folder)}
        print(json.dumps(row), file=sys.stderr, flush=True)
        rows.append(row)
        _delete_unused(folder, {word for later in stages[at + 1 :] for word in later})
    return rows


def _delete_unused(folder: Path, later: Container[str]) -> None:
    """Delete the outputs that no later stage names; the shards and the model's code stay."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "shards" and path.name not in later:
            shutil.rmtree(path)


def _name(words: tuple[str, ...]) -> str:
    scope = f" ({words[3]})" if words[0] == "prune" else ""
    return f"{words[0]}{scope}" + (" (dense)" if words[:2] == ("export", "dense") else "")


def watch_command(words: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Run ``prunepack WORDS`` in ``folder``; return its seconds and its peak memory in bytes.

    ``resident`` includes pages of mapped files, which the system can take back; ``own`` does not.

    Raises:
        PrunepackError: If the command fails.
    """
    began = time.perf_counter()
    command = [sys.executable, "-c", RUN, *words, "--quiet"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    resident = own = 0
    while process.poll() is None:
        memory = _read_memory(process.pid)
        resident = max(resident, memory.get("VmHWM", 0))
        own = max(own, memory.get("RssAnon", 0))
        time.sleep(PERIOD)
    if process.returncode:
        _, err = process.communicate()
        raise PrunepackError(f"`prunepack {words[0]}` failed", found=err.strip()[-500:])
    seconds = round(time.perf_counter() - began, 1)
    return {"resident": resident, "own": own, "seconds": seconds}


def _read_memory(pid: int) -> dict[str, int]:
    """Return the sizes in the status of a process in bytes; empty once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 for name, _, value in pairs}


def main() -> None:
    """Run the stages, and write ``results/large_run.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=gettempdir(), help="folder on a disk with free space")
    parser.add_argument("--gigabytes", type=float, default=GIGABYTES, help="size of the model")
    options = parser.parse_args()
    layers = count_layers(options.gigabytes)
    size = 4 * WIDTH**2 * layers
    check_room(Path(options.folder), ROOM * size)
    with TemporaryDirectory(dir=options.folder) as folder:
        stages = run_stages(Path(folder), layers)
    result = {"host": host_name(), "bytes": size, "stages": stages}
    if options.gigabytes >= GIGABYTES:
        write_result("large_run", result)
    else:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
