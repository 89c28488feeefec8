"""The laws of the house: rooms, sizes of modules and functions, directions of imports."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipeline", "stages", "prunepack")
ROOMS = {
    "pipeline": "build execution form_files plan recipe recipe_limits recipe_text gate_file runner "
    "signals single_stage stage_contract cache cli keys observers reads recipes release remote "
    "runs search sensitivity starting",
    "stages": "load load_onnx prune undo finetune finalize export compact pack verify measure gate "
    "bisection calibration compacting comparison contract data details evaluation exporting "
    "graph_diff graphs inputs metrics models profiling provenance pruning reporting runtime "
    "sources structure training",
    "prunepack": "arguments errors packing unpacking session training "
    "coding diff format io model_files reading runtime scripting sparse writing",
}
PLUG_INS = {
    "pipeline/cli/commands",
    "prunepack/coding/codecs",
    "prunepack/coding/compressors",
    "stages/data/datasets",
    "stages/models/builtin",
    "stages/pruning/methods",
}
"""Folders of one module per command, codec, dataset, model or method; these may grow."""

MEDIAN = 100
"""Most lines of the median module of a package."""

P90 = 16
"""Most lines of code of 90 % of the functions of a package."""

VIOLATIONS = {
    "pipeline uses stages, stages use the artifact, and never back": (
        "stages/load.py",
        "prunepack.pipeline.build",
    ),
    "a tool never imports a stage": ("stages/metrics/limits.py", "prunepack.stages.gate"),
    "pruning methods know their options, not the rules": (
        "stages/pruning/methods/identity.py",
        "prunepack.stages.pruning.rules",
    ),
    "stages and pipeline know the artifact's interface, not how it is written": (
        "stages/pack.py",
        "prunepack.writing.writer",
    ),
    "the artifact needs no build-side library": ("prunepack/io/atomic.py", "onnx"),
    "onnxruntime only inside the session": ("prunepack/io/atomic.py", "onnxruntime"),
}
"""One forbidden import for each contract of import-linter: the file and the module."""


def modules(package: str) -> list[Path]:
    return [path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py"]


def count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(package: str) -> dict[str, tuple[int, int]]:
    """Return the lines of each function from ``def`` to its end: all, and without docstring."""
    sizes = {}
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                whole = node.end_lineno - node.lineno + 1
                doc = node.body[0] if ast.get_docstring(node) is not None else None
                code = whole - (doc.end_lineno - doc.lineno + 1 if doc else 0)
                sizes[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = whole, code
    return sizes


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_shows_its_rooms(package):
    paths = (ROOT / package).iterdir()
    rooms = [p for p in paths if p.suffix == ".py" or (p / "__init__.py").exists()]
    shown = {path.stem for path in rooms if not path.name.startswith("__")}
    assert shown == set(ROOMS[package].split())


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_has_more_than_twelve_modules(package):
    crowded = {
        str(room.relative_to(ROOT)): count
        for room in [ROOT / package, *(ROOT / package).rglob("*")]
        if room.is_dir() and str(room.relative_to(ROOT)) not in PLUG_INS
        if (count := len([p for p in room.glob("*.py") if p.name != "__init__.py"])) > 12
    }
    assert crowded == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_are_small(package):
    sizes = {str(path.relative_to(ROOT)): count_lines(path) for path in modules(package)}
    assert {path: size for path, size in sizes.items() if size > 250} == {}
    assert median(sizes.values()) <= MEDIAN


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_small(package):
    """No function has more than 40 lines with its docstring; 90 % stay within P90 without it."""
    sizes = functions(package)
    assert {name: whole for name, (whole, _) in sizes.items() if whole > 40} == {}
    assert quantiles([code for _, code in sizes.values()], n=10)[-1] <= P90


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_named_for_a_lack_of_a_place(package):
    names = {path.stem.strip("_") for path in modules(package)}
    assert not names & {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def lint_imports(folder: Path) -> str:
    """Return the report of import-linter on the packages below ``folder``."""
    code = "from importlinter.cli import lint_imports_command as c; c()"
    options = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    done = subprocess.run(
        [sys.executable, "-c", code, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Return a folder with the packages where they are installed."""
    folder = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", "*.safetensors", "*.so")
    shutil.copytree(ROOT / "prunepack", folder / "prunepack", ignore=ignore)
    for package in ("stages", "pipeline"):
        shutil.copytree(ROOT / package, folder / "prunepack" / package, ignore=ignore)
    return folder


def test_every_contract_has_a_violation():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == set(VIOLATIONS)


def test_import_directions_hold(tree):
    assert " kept, 0 broken" in lint_imports(tree)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(tree, contract):
    path, module = VIOLATIONS[contract]
    planted = tree / (path if path.startswith("prunepack/") else f"prunepack/{path}")
    text = planted.read_text(encoding="utf-8")
    planted.write_text(f"{text}\n\nimport {module}\n", encoding="utf-8")
    try:
        assert f"{contract} BROKEN" in lint_imports(tree)
    finally:
        planted.write_text(text, encoding="utf-8")
