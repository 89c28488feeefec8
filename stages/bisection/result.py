"""Result of a bisection: whether two programs agree, and where they diverge first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Bisection", "Divergence"]


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first node at which two programs differ.

    Attributes:
        node: A's node; several, separated by commas, if no tensor between them can be compared.
        op: Their operators.
        counterpart: B's node or nodes.
        counterpart_op: Their operators.
        module: The torch module or modules behind them; empty if not known.
        tensor: The tensor of A that diverges.
        tolerance: The smallest tolerance that the tensor would pass; None if it passes at no
            tolerance.
        worst: The element with the largest error: its index and both values; or B's error message.
        isolated: The same as ``tolerance`` when B's nodes run on the inputs of A's nodes.
        inputs: The smallest tolerance that these inputs pass in B.
        confirmed: Whether the nodes diverge on the same inputs. If not, rounding has added up.
        causes: Differences between the nodes in the files.
    """

    node: str
    op: str
    counterpart: str
    counterpart_op: str
    module: str
    tensor: str
    tolerance: float | None
    worst: str
    isolated: float | None
    inputs: float | None
    confirmed: bool
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bisection:
    """The result of comparing A and B.

    Attributes:
        a: The label of A, the reference.
        b: The label of B.
        agree: Whether every output is within the tolerance.
        outputs: The smallest tolerance that each of A's outputs passes; None if it passes at no
            tolerance.
        divergence: The first divergence; None if all outputs agree, or if only their names, number
            or order differ.
        differences: Differences between nodes in the files, by A's node.
        nodes: Number of A's nodes.
        matched: Number of A's nodes that have a counterpart.
        matched_by_name: Number of those that were matched by the name of their output alone.
        unmatched: Nodes of A and B without a counterpart.
        agreed_before: Number of compared tensors that agree and come before the divergence.
        compared: Number of compared tensors.
        runs: Number of runs of the programs, of the whole or of a part.
        tolerance: The tolerance by dtype.
    """

    a: str
    b: str
    agree: bool
    outputs: dict[str, float | None]
    divergence: Divergence | None
    differences: dict[str, tuple[str, ...]]
    nodes: int
    matched: int
    matched_by_name: int
    unmatched: tuple[str, ...]
    agreed_before: int
    compared: int
    runs: int
    tolerance: dict[str, float]

    @property
    def exit_code(self) -> int:
        """0 if the outputs agree, 1 if they do not, 5 if no output could be compared."""
        if not self.outputs:
            return 5
        return 0 if self.agree else 1

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)
