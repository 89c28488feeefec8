"""Expectations of a kind: a pass with its measurements, or a refusal word by word."""

from dataclasses import dataclass, field

__all__ = ["Expectation", "Refusal"]


@dataclass(frozen=True)
class Expectation:
    """A run that reaches the gate.

    Attributes:
        code: The exit code: 0 for a pass, 1 where the gate is expected to fail.
        sparsity: `sparsity.weights` in percent, within 0.6 points.
        accuracy: The least `accuracy.artifact` in percent.
        metrics: By name: a number (within 0.1 %), a pair (lowest, highest), or None for absent.
        told: Texts that the notes of the report contain.
        untold: Texts that they do not contain.
        inputs: The names and shapes of the ONNX inputs; a text is a dynamic axis.
        outputs: The names of the ONNX outputs.
    """

    code: int = 0
    sparsity: float | None = None
    accuracy: float | None = None
    metrics: dict[str, float | tuple[float, float] | None] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    inputs: dict[str, list[int | str]] | None = None
    outputs: list[str] | None = None


@dataclass(frozen=True)
class Refusal:
    """A run that ends in an error, compared word by word; `{here}` is the file of the kind.

    Attributes:
        what: The event, as the error names it.
        hint: The advice; None for an error without a hint.
        expected: The right state of things; None leaves it out of the comparison.
        found: The actual state; None leaves it out of the comparison.
        code: 4 for a refused input, 2 for usage.
    """

    what: str
    hint: str | None
    expected: str | None = None
    found: str | None = None
    code: int = 4
