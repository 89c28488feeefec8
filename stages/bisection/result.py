"""What comes of comparing two programs: whether they agree, and the place where they part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Bisection", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where two programs part.

    Attributes:
        node: A's node, or nodes, where it takes several between tensors that can be compared.
        op: Their operators.
        counterpart: B's node or nodes.
        counterpart_op: Their operators.
        module: The torch module or modules behind them; empty if nothing tells.
        tensor: The tensor of A that is apart.
        tolerance: The smallest tolerance that would pass it; None if none would.
        worst: The worst element: its index and both values; or what B said instead of running.
        alone: The same as ``tolerance`` when B's nodes run on the inputs that A's nodes have.
        inputs: The smallest tolerance that passes these inputs in B.
        confirmed: Whether the nodes part on the same inputs. If not, rounding has added up.
        causes: How the nodes differ as they stand in the files.
    """

    node: str
    op: str
    counterpart: str
    counterpart_op: str
    module: str
    tensor: str
    tolerance: float | None
    worst: str
    alone: float | None
    inputs: float | None
    confirmed: bool
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bisection:
    """What came of comparing A and B.

    Attributes:
        a: What A is.
        b: What B is.
        agree: Whether every output is within the tolerance.
        outputs: The smallest tolerance that passes each of A's outputs; None if none would.
        place: Where they part; None where they agree, or only which outputs there are differs.
        differences: How nodes differ as they stand in the files, by A's node.
        nodes: Nodes of A.
        matched: How many of them have a counterpart.
        matched_by_name: How many of these only because the output has the same name.
        unmatched: Nodes of either without a counterpart.
        agreed_before: Tensors that were compared, come before the place, and agree.
        compared: Tensors that were compared.
        runs: How often a program was run, whole or in part.
        tolerance: The tolerance by dtype.
    """

    a: str
    b: str
    agree: bool
    outputs: dict[str, float | None]
    place: Place | None
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
        """0 if they agree, 1 if they part, 5 if there was no output to compare."""
        if not self.outputs:
            return 5
        return 0 if self.agree else 1

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)
