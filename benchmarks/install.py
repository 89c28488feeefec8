"""Benchmark of a plain install: size of the distributions, time of the import.

``pip`` runs from outside, so that the environment holds only the package and its dependencies.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import prunepack
from benchmarks.models import onnx_model
from benchmarks.results import write_result
from prunepack.errors import PrunepackError
from prunepack.stages.runtime.host import host_name

ROOT = Path(__file__).parents[1]
SOURCES = ("prunepack", "stages", "pipeline")
BUILD_SIDE = ("torch", "onnx", "onnxruntime", "pydantic")
IMPORTS = 25

LIST_SIZES = """
import argparse
import json
from importlib.metadata import distributions
sizes = {}
for one in distributions():
    kinds = sizes.setdefault(f"{one.name} {one.version}", {"files": 0, "bytecode": 0})
    for path in filter(lambda path: path.is_file(), map(one.locate_file, one.files)):
        kinds["bytecode" if path.suffix == ".pyc" else "files"] += path.stat().st_size
print(json.dumps(sizes))
"""
IMPORT = (
    "import time; t = time.perf_counter(); import prunepack; {}; print(time.perf_counter() - t)"
)


def install(folder: Path) -> Path:
    """Install this tree into a new environment in ``folder``; return its ``bin``."""
    tree, environment = folder / "tree", folder / "environment"
    for name in SOURCES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.so", "__py*"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    venv.create(environment)
    here = environment / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(here / "python"), "install", "--quiet"]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *constraints, str(tree)], check=True)
    return here


def use_artifact(here: Path, folder: Path) -> dict[str, Any]:
    """Unpack and inspect an artifact in the environment.

    Raises:
        PrunepackError: If the model does not come back byte for byte.
    """
    model, artifact, back = onnx_model("lenet"), folder / "lenet.prunepack", folder / "back"
    prunepack.pack(model, artifact)
    _run(here / "prunepack", "unpack", str(artifact), "-o", str(back))
    if (back / model.name).read_bytes() != model.read_bytes():
        raise PrunepackError(
            f"`{model}` did not come back byte for byte", hint="Report this as a bug"
        )
    inspected = json.loads(_run(here / "prunepack", "inspect", str(artifact), "--json"))
    return {"unpacked": model.stat().st_size, "inspected": sorted(inspected)}


def time_import(here: Path, then: str, runs: int = IMPORTS) -> dict[str, float]:
    """Time new processes that import the package and read ``then``; return the median."""
    code = IMPORT.format(then)
    seconds = [float(_run(here / "python", "-c", code)) for _ in range(runs)]
    return {
        "median": round(statistics.median(seconds), 4),
        "least": round(min(seconds), 4),
        "most": round(max(seconds), 4),
        "runs": runs,
    }


def _run(program: Path, *arguments: str) -> str:
    command = [str(program), *arguments]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=program.parent
    )
    return done.stdout


def main() -> None:
    """Measure, and write ``results/install.json``."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here = install(folder)
        sizes: dict[str, dict[str, int]] = json.loads(_run(here / "python", "-c", LIST_SIZES))
        found = [one for one in BUILD_SIDE if one in {name.split()[0] for name in sizes}]
        result = {
            "host": host_name(),
            "bytes": dict(sorted(sizes.items(), key=lambda item: -item[1]["files"])),
            "total_bytes": sum(sum(kinds.values()) for kinds in sizes.values()),
            "build_side_packages": found,
            "import_seconds": time_import(here, "prunepack.__all__"),
            "import_reader_seconds": time_import(here, "prunepack.Artifact"),
            **use_artifact(here, folder),
        }
    write_result("install", result)


if __name__ == "__main__":
    main()
