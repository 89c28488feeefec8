"""Tools that people run on an exported file, which leave its function as it is."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import onnx
import onnxruntime
import pytest
from onnx import version_converter

from tests.faults.honest_edits import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[Path], None]

__all__ = ["EXTENDED", "convert_opset", "fold_constants", "optimise", "simplify", "slim"]

EXTENDED = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
BASIC = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC


def optimise(level: Any = BASIC) -> Edit:
    """Return what lets onnxruntime optimise a file."""

    def edit(path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(path.with_name("optimised"))
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        path.with_name("optimised").replace(path)
        domains = {node.domain for node in onnx.load(path).graph.node}
        if not domains <= {"", "ai.onnx"}:
            pytest.skip(f"onnxruntime put operators of {', '.join(sorted(domains))} into it")

    return edit


def convert_opset(version: int) -> Edit:
    """Return what converts a file by onnx's own converter."""
    return lambda path: rewrite(path, lambda m: version_converter.convert_version(m, version))


def fold_constants(path: Path) -> None:
    """Optimise a file by onnxscript's optimizer."""
    from onnxscript import optimizer

    rewrite(path, optimizer.optimize)


def slim(path: Path) -> None:
    """Simplify a file by onnxslim."""
    onnxslim = pytest.importorskip("onnxslim")
    rewrite(path, onnxslim.slim)


def simplify(path: Path) -> None:
    """Simplify a file by onnxsim, if it is installed."""
    if importlib.util.find_spec("onnxsim") is None:
        pytest.skip("onnxsim is not installed")
    from onnxsim import simplify as run

    rewrite(path, lambda model: run(model)[0])
