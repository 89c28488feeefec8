"""How far apart two runs of the same model may be: by the output's name, else by its dtype."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["DEFAULTS", "EXACT", "Allowed", "Tolerance", "allowed", "check_rules"]

DEFAULTS = {"float64": 1e-7, "float32": 1e-4, "float16": 1e-2}
"""atol and rtol of an output by its dtype; whatever is not here has to be equal.

A sum of n terms in another order is off by about √n · u of its size, where u is the unit roundoff
(Higham and Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput.
41, 2019). In float32, u = 6e-8, and a million terms make 6e-5. In float16, u = 5e-4; torch and
onnxruntime both add up in float32 and round once per layer, which makes 5e-3 for a hundred layers.
float64 is what ``torch.testing.assert_close`` takes: kernels approximate exp and erf no better.
"""


class Tolerance(Config):
    """How far some outputs may be apart; the first rule that matches an output counts."""

    outputs: str = Field("*", description="A glob over the names of outputs.")
    atol: float | None = Field(
        None, ge=0, description="Absolute error allowed; by dtype if not given."
    )
    rtol: float | None = Field(
        None, ge=0, description="Error allowed relative to torch's value; by dtype if not given."
    )
    nonfinite: bool = Field(
        False, description="Accept NaN and infinities that both sides have in the same place."
    )


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one output may be apart: ``|expected - found| <= atol + rtol * |expected|``."""

    atol: float
    rtol: float
    nonfinite: bool = False

    def at_least(self, other: Allowed) -> Allowed:
        """Return this, with the errors that ``other`` allows as well."""
        atol, rtol = max(self.atol, other.atol), max(self.rtol, other.rtol)
        return Allowed(atol, rtol, self.nonfinite)


EXACT = Allowed(0.0, 0.0)


def allowed(rules: Sequence[Tolerance], output: str, dtype: str) -> Allowed:
    """Return what ``output`` of ``dtype``, by its numpy name, may be apart."""
    usual = DEFAULTS.get(dtype, 0.0)
    for rule in rules:
        if fnmatch.fnmatchcase(output, rule.outputs):
            atol = usual if rule.atol is None else rule.atol
            return Allowed(atol, usual if rule.rtol is None else rule.rtol, rule.nonfinite)
    return Allowed(usual, usual)


def check_rules(rules: Sequence[Tolerance], outputs: Collection[str]) -> None:
    """Refuse a rule that is about no output: it would loosen nothing, and nobody would know.

    Raises:
        UsageError: If there is one.
    """
    for number, rule in enumerate(rules, 1):
        if not any(fnmatch.fnmatchcase(name, rule.outputs) for name in outputs):
            raise UsageError(
                f"verify.tolerances[{number}]: no output is named {rule.outputs!r}",
                hint=suggest_name(rule.outputs, outputs),
            )
