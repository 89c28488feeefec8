"""Small ONNX graphs as text, and faults that are other lines of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import onnx
import onnx.parser

from tests.faults.fault import Fault
from tests.faults.lab import NOT_MEASURED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["GRAPHS", "build_graph", "file_fault", "lines", "verify_files"]

DIFFERENT = r"parity\.files\.(beyond_tolerance|nonfinite) <= 0, measured [\d,]+ values "

GRAPHS = {
    "pixels": (
        "uint8[batch, 4] pixels",
        """
        values = Cast<to: int = 1>(pixels)
        scale = Constant<value_float: float = 0.004>()
        x = Mul(values, scale)
        """,
    ),
    "ids": (
        "int64[batch, 4] ids",
        """
        known = Identity(ids)
        rows = Constant<value_int: int = 37>()
        row = Mod(known, rows)
        x = Cast<to: int = 1>(row)
        """,
    ),
    "counts": (
        "int64[batch, 4] counts",
        """
        known = Identity(counts)
        values = Cast<to: int = 1>(known)
        size = Abs(values)
        one = Constant<value_float: float = 1.0>()
        more = Add(size, one)
        x = Div(values, more)
        """,
    ),
    "floats": ("float[batch, 4] x", ""),
    "scores": (
        "float[batch, 4] values",
        """
        known = Identity(values)
        x = Softmax(known)
        """,
    ),
    "gaps": (
        "float[batch, 4] values",
        """
        missing = IsNaN(values)
        usual = Constant<value_float: float = 0.5>()
        x = Where(missing, usual, values)
        """,
    ),
    "masked": (
        "float[batch, 4] values, bool[batch, 4] keep",
        """
        kept = Cast<to: int = 1>(keep)
        seen = Mul(values, kept)
        last = Constant<value_ints: ints = [1]>()
        count = ReduceSum(kept, last)
        x = Div(seen, count)
        """,
    ),
    "branches": (
        "float[batch, 4] values",
        """
        largest = ReduceMax<keepdims: int = 0>(values)
        limit = Constant<value_float: float = 300.0>()
        is_large = Greater(largest, limit)
        x = If(is_large) <
            then_branch = large () => (float[batch, 4] a) { a = Tanh(values) },
            else_branch = usual () => (float[batch, 4] b) { b = Identity(values) }
        >
        """,
    ),
}
"""Inputs and first nodes of small graphs, which make ``x``: the features that faults change."""

REST = """
    weights = Constant<value: tensor = float[4, 3] {
        0.5, -0.3, 0.8, -0.6, 0.9, 0.1, 0.4, 0.7, -0.2, -0.9, 0.2, 0.6
    }>()
    y = MatMul(x, weights)
"""


def build_graph(name: str, *changes: tuple[str, str]) -> Any:
    """Return one of ``GRAPHS`` as a model, with some lines of it replaced."""
    inputs, body = GRAPHS[name]
    body = body + REST
    for old, new in changes:
        assert old in body, f"{name}: no {old}"
        body = body.replace(old, new)
    header = '<ir_version: 9, opset_import: ["" : 18]>'
    return onnx.parser.parse_model(
        f"{header} {name} ({inputs}) => (float[batch, 3] y) {{ {body} }}"
    )


def verify_files(name: str, changes: Sequence[tuple[str, str]], folder: Path) -> Sequence[Command]:
    """Write a graph and the changed one as files; return the commands that compare them."""
    onnx.save(build_graph(name), folder / "right.onnx")
    onnx.save(build_graph(name, *changes), folder / "wrong.onnx")
    files = [str(folder / "right.onnx"), str(folder / "wrong.onnx")]
    parity = str(folder / "parity")
    verify = ["verify", *files, "-o", parity, "--same", "--provider", "cpu"]
    return [verify, ["gate", parity, *NOT_MEASURED]]


def file_fault(name: str, graph: str, *changes: tuple[str, str], says: str = DIFFERENT) -> Fault:
    """Return the fault that other lines make of a small graph."""
    return Fault(name, "export", partial(verify_files, graph, changes), 1, says, found_by="others")


def lines(*parts: str) -> str:
    """Return lines of a graph."""
    return "\n".join(parts)
