"""Tables of sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NAMES",
    "programs_table",
    "size_table",
    "smaller_table",
    "tools_table",
    "wheel_files_table",
]

NAMES = {
    "minilm": "MiniLM-L6",
    "crepe_full": "CREPE",
    "crepe_tiny": "CREPE tiny",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "lenet": "LeNet",
    "lenet300": "LeNet-300-100",
}
OURS = ("small", "max")


def smaller_table() -> str:
    """Return the compression ratio of each model at 90 % in fp32."""
    result = read_result("size")
    columns = [*OURS, *result["tools"]]
    cases = [case for case in result["cases"] if _kind(case) == (0.9, "fp32")]
    header = ("", *map(_heading, columns))
    return table(header, [(NAMES[case["model"]], *_ratios(case, columns)) for case in cases])


def size_table() -> str:
    """Return the ratios of every model, sparsity and precision, beside the entropy."""
    result = read_result("size")
    columns = ["fast", *OURS, *result["tools"], "entropy"]
    header = ("", "", "ONNX, bytes", *map(_heading, columns))
    rows = []
    for case in result["cases"]:
        sparsity, precision = _kind(case)
        kind = f"{100 * sparsity:.0f} % {precision}"
        rows.append((NAMES[case["model"]], kind, f"{case['onnx']:,}", *_ratios(case, columns)))
    return table(header, rows)


def tools_table() -> str:
    """Return the version of each tool, and its kind of input."""
    tools = read_result("size")["tools"]
    rows = [(f"`{name}`", one["tool"], one["takes"]) for name, one in tools.items()]
    return table(("", "version", "takes"), rows)


def wheel_files_table() -> str:
    """Return the bytes of each file from a wheel after each tool; the least is bold."""
    files = read_result("size_files")["files"]
    columns = list(files[0]["sizes"])
    header = ("", "ONNX", *map(_heading, columns))
    rows = []
    for file in sorted(files, key=lambda file: (file["wheel"], file["path"])):
        sizes = file["sizes"]
        least = min(sizes.values())
        name = f"{file['wheel'].partition('==')[0]}: `{'/'.join(file['path'].split('/')[-2:])}`"
        cells = (f"**{sizes[n]:,}**" if sizes[n] == least else f"{sizes[n]:,}" for n in columns)
        rows.append((name, f"{file['onnx']:,}", *cells))
    return table(header, rows)


def programs_table() -> str:
    """Return the versions of the programs that only files from wheels are compressed with."""
    result = read_result("size_files")
    rows = [(f"`{name}`", version) for name, version in result["tools"].items()]
    rows += [(f"`{name}`", "not installed, left out") for name in result["left_out"]]
    return table(("", "version"), rows)


def _kind(case: dict[str, Any]) -> tuple[float, str]:
    return case["sparsity"], case["precision"]


def _heading(name: str) -> str:
    return f"**{name}**" if name in {"fast", *OURS} else name


def _ratios(case: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """Return ONNX bytes / compressed bytes; the largest measured ratio is bold."""
    sizes = {**case["sizes"], "entropy": case["entropy"]}
    least = min(size for name, size in case["sizes"].items() if name in columns)
    ratios = ((sizes[name], f"{case['onnx'] / sizes[name]:.2f}×") for name in columns)
    return [f"**{ratio}**" if size == least else ratio for size, ratio in ratios]
