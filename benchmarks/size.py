"""Benchmark of sizes: every model, sparsity and precision; the artifact, six tools, the entropy.

``--files`` measures files from wheels instead, beside three more tools. Sizes are exact, so those
of the other tools are cached by the SHA-256 of the file and the version of the tool; only the
artifact is packed each time.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import prunepack
from benchmarks.entropy import estimate_bytes
from benchmarks.models import CASES, MODELS, Case, onnx_model
from benchmarks.onnx_tensors import OnnxFile
from benchmarks.results import read_result, write_result
from benchmarks.size_programs import SIZE_PROGRAMS, find_programs
from benchmarks.size_tools import SIZE_TOOLS
from benchmarks.wheel_files import WHEEL_FILES
from prunepack.io.digests import hash_file
from prunepack.stages.data.downloads import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.size_programs import SizeProgram
    from prunepack.coding.levels import LevelName
    from prunepack.stages.data.wheel_files import WheelFile

LEVELS: tuple[LevelName, ...] = ("fast", "small", "max")

TARGETS = {
    ("minilm", "small"): 11.10,
    ("crepe_full", "small"): 15.3,
    ("minilm", "max"): 11.15,
    ("crepe_full", "max"): 16.0,
}
"""Target for dense bytes / artifact at 90 % in fp32."""


def measure_sizes(case: Case) -> dict[str, Any]:
    """Return the sizes of one file after each tool, in bytes."""
    file = OnnxFile(onnx_model(case.model, case.sparsity, case.precision))
    sizes = {level: _measure_artifact(file.path, level) for level in LEVELS} | _measure_tools(file)
    bound = round(estimate_bytes(file.tensors)) + _measure_rest(file)
    dense = len(file.data)
    return {
        "model": case.model,
        "sparsity": case.sparsity,
        "precision": case.precision,
        "onnx": dense,
        "sizes": sizes,
        "entropy": bound,
        "ratios": {name: round(dense / size, 3) for name, size in sizes.items()},
    }


def _measure_artifact(model: Path, level: LevelName) -> int:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "model.prunepack"
        prunepack.pack(model, out, level=level)
        return out.stat().st_size


def _measure_rest(file: OnnxFile) -> int:
    from zstandard import ZstdCompressor

    return len(ZstdCompressor(level=19).compress(file.rest))


def _measure_tools(file: OnnxFile) -> dict[str, int]:
    tools = {name: (tool.tool(), partial(tool.size, file)) for name, tool in SIZE_TOOLS.items()}
    return _measure_cached(file.path, tools)


def _measure_cached(
    path: Path, tools: Mapping[str, tuple[str, Callable[[], int]]]
) -> dict[str, int]:
    """Return the size by each tool, given with its version; measure what is not in the cache."""
    known = cache_folder() / "benchmarks" / "sizes" / f"{hash_file(path)}.json"
    known.parent.mkdir(parents=True, exist_ok=True)
    sizes: dict[str, int] = json.loads(known.read_text()) if known.exists() else {}
    for name, (version, measure) in tools.items():
        key = f"{name}, {version}"
        if key not in sizes:
            sizes[key] = measure()
            known.write_text(json.dumps(sizes, indent=1))
    return {name: sizes[f"{name}, {version}"] for name, (version, _) in tools.items()}


def measure_wheel_file(file: WheelFile, programs: Mapping[str, SizeProgram]) -> dict[str, Any]:
    """Return the sizes of a file from a wheel after each tool, in bytes."""
    path = file.fetch()
    versions = {name: (p.read_version(), partial(p.measure, path)) for name, p in programs.items()}
    sizes: dict[str, int] = {level: _measure_artifact(path, level) for level in LEVELS}
    sizes |= _measure_tools(OnnxFile(path)) | _measure_cached(path, versions)
    return {"wheel": file.wheel, "path": file.path, "onnx": path.stat().st_size, "sizes": sizes}


def find_file_losses(result: dict[str, Any]) -> list[str]:
    """Return a line for each file from a wheel that is not the smallest, or out of order.

    ``small`` competes with all tools but zpaq, and ``max`` with all.
    """
    losses = []
    for file in result["files"]:
        sizes, name = file["sizes"], f"{file['wheel']} {file['path']}"
        rivals = [rival for rival in sizes if rival not in LEVELS]
        losses += [
            f"{name}: {level} {sizes[level]:,} bytes, {rival} {sizes[rival]:,}"
            for level in ("small", "max")
            for rival in rivals
            if sizes[level] >= sizes[rival] and not (level == "small" and "zpaq" in rival)
        ]
        if not sizes["fast"] >= sizes["small"] >= sizes["max"]:
            losses.append(f"{name}: a higher level is larger")
    return losses


def find_losses(result: dict[str, Any]) -> list[str]:
    """Return a line for each file that another tool makes as small, and for each missed target."""
    losses = []
    for case in result["cases"]:
        name = Case(case["model"], case["sparsity"], case["precision"]).name
        sizes = case["sizes"]
        rival = min(SIZE_TOOLS, key=lambda rival: sizes[rival])
        losses += [
            f"{name}: {level} {sizes[level]:,} bytes, {rival} {sizes[rival]:,}"
            for level in ("small", "max")
            if sizes[level] >= sizes[rival]
        ]
        if (case["sparsity"], case["precision"]) != (0.9, "fp32"):
            continue
        losses += [
            f"{name}: {level} {case['ratios'][level]}×, wanted {target}×"
            for (model, level), target in TARGETS.items()
            if model == case["model"] and case["onnx"] < target * sizes[level]
        ]
    return losses


def _measure_files() -> None:
    """Measure the files from wheels, and write ``results/size_files.json``."""
    programs = find_programs()
    result: dict[str, Any] = {
        "tools": {name: program.read_version() for name, program in programs.items()},
        "left_out": sorted(SIZE_PROGRAMS.keys() - programs.keys()),
        "files": [],
    }
    for file in WHEEL_FILES:
        result["files"].append(measure_wheel_file(file, programs))
        print(file.path, json.dumps(result["files"][-1]["sizes"]), flush=True)
    write_result("size_files", result)
    print("\n".join(find_file_losses(result)) or "ours is the smallest everywhere")


def main() -> None:
    """Measure, and write ``results/size.json``; or with ``--check`` judge the last result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MODELS, help="one model; no result is written")
    parser.add_argument("--check", action="store_true", help="judge the last result")
    parser.add_argument("--files", action="store_true", help="measure the files from wheels")
    options = parser.parse_args()
    if options.check:
        losses = [*find_losses(read_result("size")), *find_file_losses(read_result("size_files"))]
        sys.exit("\n".join(losses) or 0)
    if options.files:
        _measure_files()
        return
    cases = []
    for case in CASES:
        if options.only in {None, case.model}:
            cases.append(measure_sizes(case))
            print(case.name, json.dumps(cases[-1]["ratios"]), flush=True)
    result = {
        "tools": {
            name: {"tool": one.tool(), "takes": one.takes} for name, one in SIZE_TOOLS.items()
        },
        "cases": cases,
    }
    if not options.only:
        write_result("size", result)
    print(
        "\n".join(find_losses(result)) or "ours is the smallest everywhere, and every target is met"
    )


if __name__ == "__main__":
    main()
