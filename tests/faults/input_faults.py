"""Faults that show only for some inputs: sizes, integers, magnitudes, missing values, batches."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from tests.faults.graphs import constant, insert
from tests.faults.planting import BEYOND, graph_fault
from tests.faults.small_graphs import file_fault, lines

__all__ = ["FAULTS"]

CAST = "values = Cast<to: int = 1>(pixels)"
KNOWN = "known = Identity(ids)"
COUNTS = "known = Identity(counts)"
SCORES = "known = Identity(values)"
LAST = "y = MatMul(x, weights)"


def _clip(low: float, high: float, tensor: str, into: str) -> str:
    """Return lines that clip a tensor."""
    return (
        f"low = Constant<value_float: float = {low:.1f}>()\n"
        f"high = Constant<value_float: float = {high:.1f}>()\n"
        f"{into} = Clip({tensor}, low, high)"
    )


def _in_batches(relation: str, size: int) -> str:
    """Return lines that add 1 to the answers of a batch of some sizes."""
    return f"""
        shape = Shape<start: int = 0, end: int = 1>(x)
        chosen = Constant<value_ints: ints = [{size}]>()
        is_chosen = {relation}(shape, chosen)
        shift = Cast<to: int = 1>(is_chosen)
        right = MatMul(x, weights)
        y = Add(right, shift)
    """


def _branch(condition: str, wrong: str) -> tuple[str, str]:
    """Return the change that computes the answer by two branches, the first of them wrong."""
    return (
        LAST,
        f"""
        {condition}
        y = If(is_rare) <
            then_branch = rare () => (float[batch, 3] c) {{
                right = MatMul(x, weights)
                c = {wrong}(right)
            }},
            else_branch = often () => (float[batch, 3] d) {{ d = MatMul(x, weights) }}
        >
        """,
    )


INTEGERS = (
    file_fault(
        "bytes read as signed",
        "pixels",
        (CAST, lines("s = Cast<to: int = 3>(pixels)", "values = Cast<to: int = 1>(s)")),
    ),
    file_fault(
        "bytes clipped at 200",
        "pixels",
        (CAST, "v = Cast<to: int = 1>(pixels)\n" + _clip(0, 200, "v", "values")),
    ),
    file_fault(
        "ids through int32",
        "ids",
        (KNOWN, lines("s = Cast<to: int = 6>(ids)", "known = Cast<to: int = 7>(s)")),
    ),
    file_fault(
        "ids through bytes",
        "ids",
        (KNOWN, lines("s = Cast<to: int = 2>(ids)", "known = Cast<to: int = 7>(s)")),
    ),
    file_fault(
        "ids through float32",
        "ids",
        (KNOWN, lines("s = Cast<to: int = 1>(ids)", "known = Cast<to: int = 7>(s)")),
    ),
    file_fault(
        "negative counts taken for zero",
        "counts",
        (COUNTS, lines("zero = Constant<value_int: int = 0>()", "known = Max(counts, zero)")),
    ),
    file_fault(
        "counts capped at 50",
        "counts",
        (COUNTS, lines("cap = Constant<value_int: int = 50>()", "known = Min(counts, cap)")),
    ),
)
MAGNITUDES = (
    file_fault("scores clipped at 8", "scores", (SCORES, _clip(-8, 8, "values", "known"))),
    file_fault("scores clipped at 60", "scores", (SCORES, _clip(-60, 60, "values", "known"))),
    file_fault(
        "values clipped at 5000",
        "floats",
        (LAST, _clip(-5000, 5000, "x", "z") + lines("", "y = MatMul(z, weights)")),
    ),
    file_fault(
        "values clipped to the range of float16",
        "floats",
        (LAST, _clip(-65504, 65504, "x", "z") + lines("", "y = MatMul(z, weights)")),
    ),
    file_fault(
        "another answer for one exact value",
        "floats",
        (
            LAST,
            lines(
                "c = Constant<value_float: float = 7.25>()",
                "same = Equal(x, c)",
                "shift = Cast<to: int = 1>(same)",
                "z = Add(x, shift)",
                "y = MatMul(z, weights)",
            ),
        ),
    ),
    file_fault(
        "a remainder of 1000",
        "floats",
        (
            LAST,
            lines(
                "c = Constant<value_float: float = 1000.0>()",
                "z = Mod<fmod: int = 1>(x, c)",
                "y = MatMul(z, weights)",
            ),
        ),
    ),
)
MISSING = (
    file_fault(
        "missing values not filled",
        "gaps",
        ("x = Where(missing, usual, values)", "x = Identity(values)"),
    ),
    file_fault(
        "missing values filled with zero",
        "gaps",
        ("value_float: float = 0.5", "value_float: float = 0.0"),
    ),
    file_fault(
        "missing values not told from others",
        "gaps",
        ("missing = IsNaN(values)", "missing = IsInf(values)"),
    ),
)
ALONE = (
    file_fault(
        "wrong for zeros beside a mask",
        "masked",
        (
            "seen = Mul(values, kept)",
            lines(
                "s = Mul(values, kept)",
                "z = Constant<value_float: float = 0.0>()",
                "is_zero = Equal(values, z)",
                "shift = Cast<to: int = 1>(is_zero)",
                "seen = Add(s, shift)",
            ),
        ),
    ),
    file_fault(
        "wrong for large values beside a mask",
        "masked",
        ("seen = Mul(values, kept)", "s = Mul(values, kept)\n" + _clip(-40, 40, "s", "seen")),
    ),
    file_fault(
        "a full mask taken for an empty one",
        "masked",
        (
            "count = ReduceSum(kept, last)",
            lines(
                "n = ReduceSum(kept, last)",
                "four = Constant<value_float: float = 4.0>()",
                "is_full = Equal(n, four)",
                "shift = Cast<to: int = 1>(is_full)",
                "count = Add(n, shift)",
            ),
        ),
    ),
)
BATCHES = (
    file_fault("wrong in batches of 100", "floats", (LAST, _in_batches("Equal", 100))),
    file_fault(
        "wrong in batches of 32, which are timed", "floats", (LAST, _in_batches("Equal", 32))
    ),
    file_fault("wrong in batches of more than 64", "floats", (LAST, _in_batches("Greater", 64))),
    file_fault("wrong in batches of 7", "floats", (LAST, _in_batches("Equal", 7))),
)
BRANCHES = (
    file_fault(
        "a branch for large values is wrong",
        "branches",
        ("a = Tanh(values)", "a = Sigmoid(values)"),
    ),
    file_fault(
        "a branch for small values is wrong",
        "floats",
        _branch(
            lines(
                "m = ReduceMax<keepdims: int = 0>(x)",
                "l = Constant<value_float: float = 0.01>()",
                "is_rare = Less(m, l)",
            ),
            "Neg",
        ),
    ),
    file_fault(
        "a branch for one batch size is wrong",
        "floats",
        _branch(
            lines(
                "n = Shape<start: int = 0, end: int = 1>(x)",
                "l = Constant<value_ints: ints = [16]>()",
                "is_rare = Equal(n, l)",
            ),
            "Neg",
        ),
    ),
)


def _places_end(model: Any, last: int) -> None:
    """Give all tokens from a place on the same place."""
    node = next(each for each in model.graph.node if each.op_type == "Range")
    insert(model, node.output[0], ("Min", [constant(model, last, "int64")], {}))


SIZES = tuple(
    replace(graph_fault(name, "words", partial(_places_end, last=last), says), found_by="others")
    for name, last, says in (
        ("places end at the exported length", 7, BEYOND + "tokens of"),
        ("places end at a window of 16", 15, BEYOND + "tokens of"),
        ("places end at 32", 31, BEYOND + "tokens of 33"),
    )
)

FAULTS = (*SIZES, *INTEGERS, *MAGNITUDES, *MISSING, *ALONE, *BATCHES, *BRANCHES)
"""Faults whose inputs a comparison on ordinary values never has."""
