"""Tolerances: the error that a comparison allows, by output name or dtype."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["DEFAULTS", "EXACT", "AllowedError", "Tolerance", "check_rules", "find_allowed_error"]

DEFAULTS = {"float64": 1e-7, "float32": 1e-4, "float16": 1e-2}
"""atol and rtol of an output by its dtype; outputs of other dtypes must be equal.

Another order of additions changes a sum of n terms by about √n · u of its size, where u is the unit
roundoff (Higham and Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci.
Comput. 41, 2019). In float32, u = 6e-8, and a million terms give 6e-5. In float16, u = 5e-4; torch
and onnxruntime both add in float32 and round once per layer, which gives 5e-3 for a hundred layers.
The value for float64 is that of ``torch.testing.assert_close``, because implementations of exp and
erf are not more accurate.
"""


class Tolerance(Config):
    """Error that some outputs may have; the first rule that matches an output applies."""

    outputs: str = Field(
        "*", description="Outputs that this entry applies to, as a glob over their names."
    )
    atol: float | None = Field(
        None, ge=0, description="Allowed absolute error; the default depends on the dtype."
    )
    rtol: float | None = Field(
        None,
        ge=0,
        description="Allowed error relative to torch's value; the default depends on the dtype.",
    )
    nonfinite: bool = Field(
        True, description="Accept NaN and infinities that both forms have at the same index."
    )


@dataclass(frozen=True, slots=True)
class AllowedError:
    """Error that one output may have: ``|expected - actual| <= atol + rtol * |expected|``."""

    atol: float
    rtol: float
    nonfinite: bool = True

    def widen(self, other: AllowedError) -> AllowedError:
        """Return the smallest allowed error that is not stricter than this one or ``other``."""
        atol, rtol = max(self.atol, other.atol), max(self.rtol, other.rtol)
        return AllowedError(atol, rtol, self.nonfinite)


EXACT = AllowedError(0.0, 0.0)


def find_allowed_error(rules: Sequence[Tolerance], output: str, dtype: str) -> AllowedError:
    """Return the error that ``output`` may have; ``dtype`` is its numpy name."""
    default = DEFAULTS.get(dtype, 0.0)
    for rule in rules:
        if fnmatch.fnmatchcase(output, rule.outputs):
            atol = default if rule.atol is None else rule.atol
            rtol = default if rule.rtol is None else rule.rtol
            return AllowedError(atol, rtol, rule.nonfinite)
    return AllowedError(default, default)


def check_rules(rules: Sequence[Tolerance], outputs: Collection[str]) -> None:
    """Refuse a rule that matches no output, because it would have no effect.

    Raises:
        UsageError: If a rule matches no output.
    """
    for number, rule in enumerate(rules, 1):
        if not any(fnmatch.fnmatchcase(name, rule.outputs) for name in outputs):
            raise UsageError(
                f"verify.tolerances[{number}]: no output is named {quote(rule.outputs)}",
                hint=suggest_name(rule.outputs, outputs),
            )
