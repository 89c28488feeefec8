"""Rules of all operators that compaction knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.compacting.operators import (
    contractions,
    movement,
    pointwise,
    reductions,
    shapes,
)

if TYPE_CHECKING:
    import onnx_ir

    from prunepack.stages.compacting.rule import Rule

__all__ = ["RULES", "find_rule"]

RULES: dict[str, Rule] = {
    **contractions.RULES,
    **movement.RULES,
    **pointwise.RULES,
    **reductions.RULES,
    **shapes.RULES,
}
"""The rule of each operator of the standard domain. A node without a rule keeps its channels."""


def find_rule(node: onnx_ir.Node) -> Rule | None:
    """Return the rule of a node, if there is one."""
    return RULES.get(node.op_type) if node.domain in {"", "ai.onnx"} else None
