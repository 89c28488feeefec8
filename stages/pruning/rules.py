"""Pruning rules: the parameters to prune, the method and the amount."""

from __future__ import annotations

import difflib
import fnmatch
import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from prunepack.errors import UsageError
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, InputFile, is_user_code
from prunepack.stages.pruning.methods import METHODS, MethodOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.pruning.masks import Prunable

__all__ = ["Amount", "Norm", "Rule", "assign_rules"]


def _parse_amount(value: Any) -> int | float:
    """Return a count for a whole number, and a fraction for a number with a point."""
    if isinstance(value, str):
        try:
            value = float(value) if re.search(r"[.eE]", value) else int(value)
        except ValueError:
            raise ValueError(f"an amount is a number such as 0.9 or 100, found {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"an amount is a number such as 0.9 or 100, found {value!r}")
    if isinstance(value, float) and not 0 <= value <= 1:
        raise ValueError(f"a fraction lies between 0.0 and 1.0, found {value} (a count is whole)")
    if value < 0:
        raise ValueError(f"a count is not negative, found {value}")
    return value


Amount = Annotated[int | float, BeforeValidator(_parse_amount)]
"""A fraction between 0.0 and 1.0, or a whole number of weights or channels."""


def _parse_norm(value: Any) -> float | str:
    """Return the order of a norm; infinite orders stay names, since JSON has no infinity."""
    text = str(value).lower()
    if text in {"fro", "nuc"}:
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ValueError(
            f"a norm is a number such as 1 or 2, inf, -inf, fro or nuc, found {value!r}"
        )
    return number if math.isfinite(number) else str(number)


Norm = Annotated[float | Literal["inf", "-inf", "fro", "nuc"], BeforeValidator(_parse_norm)]
"""The order of a norm, as ``torch.linalg`` names it."""

_OPTION_OF = {"norm": "ln_structured", "pattern": "n_m", "mask_file": "custom_from_mask"}


class Rule(Config):
    """One pruning method over the layers that a pattern matches."""

    layers: str = Field("*", description="Layers to prune: a glob over module names, or re:REGEX.")
    parameter: str = Field("weight", description="Parameter to prune: weight, bias, ….")
    method: CodeName = Field(
        "l1_unstructured",
        description="Built-in method, or your BasePruningMethod: module:Class or file.py:Class.",
    )
    amount: Amount = Field(
        0.9,
        description="Amount to prune: a fraction (0.9), or a count of weights or channels (100).",
    )
    scope: Literal["auto", "local", "global"] = Field(
        "auto",
        description="local: the amount applies to each tensor; global: to all matched tensors "
        "together; auto: global for l1_unstructured, local for all other methods.",
    )
    norm: Norm = Field(
        2.0,
        description="ln_structured: the order of the norm that ranks channels: a number, inf, "
        "-inf, fro or nuc.",
    )
    dim: int = Field(0, description="Structured methods: the dimension whose slices are channels.")
    pattern: str = Field(
        "2:4", pattern=r"^\d+:\d+$", description="n_m: keep N of every M consecutive weights (N:M)."
    )
    mask_file: InputFile | None = Field(
        None, description="custom_from_mask: a safetensors file with a mask per parameter name."
    )
    options: dict[str, bool | int | float | str] = Field(
        {}, description="Keyword arguments for the class of your own method."
    )

    @field_validator("method")
    @classmethod
    def _method_is_known(cls, method: str) -> str:
        if not is_user_code(method):
            try:
                METHODS.check(method)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return method

    @field_validator("pattern")
    @classmethod
    def _pattern_makes_sense(cls, pattern: str) -> str:
        n, m = map(int, pattern.split(":"))
        if not 0 < n < m:
            raise ValueError(f"a pattern N:M has 0 < N < M, such as 2:4, found {pattern}")
        return pattern

    @field_validator("layers")
    @classmethod
    def _layers_can_be_matched(cls, layers: str) -> str:
        try:
            re.compile(layers.removeprefix("re:") if layers.startswith("re:") else "")
        except re.error as error:
            raise ValueError(f"layers {layers!r} is not a regular expression: {error}") from None
        return layers

    @model_validator(mode="after")
    def _options_fit_the_method(self) -> Self:
        for name, owner in _OPTION_OF.items():
            changed = getattr(self, name) != Rule.model_fields[name].default
            if changed and self.method != owner:
                raise ValueError(f"{name} is for the method {owner}, found method {self.method}")
        if self.method == "custom_from_mask" and self.mask_file is None:
            raise ValueError("the method custom_from_mask needs a mask_file, found none")
        if self.options and not is_user_code(self.method):
            raise ValueError(f"options are for your own method, found method {self.method}")
        return self

    @property
    def method_options(self) -> MethodOptions:
        """The options that the method reads."""
        return MethodOptions(self.norm, self.dim, self.pattern, self.mask_file, self.options)

    def matches(self, layer: str) -> bool:
        """Return whether the rule's pattern matches the module name ``layer``."""
        if self.layers.startswith("re:"):
            return re.fullmatch(self.layers.removeprefix("re:"), layer) is not None
        return fnmatch.fnmatchcase(layer, self.layers)

    def covers(self, target: Prunable) -> bool:
        """Return whether the rule covers ``target``, under any of its names."""
        names = ((place.layer, place.parameter) for place in target.places)
        return any(name == self.parameter and self.matches(layer) for layer, name in names)


def assign_rules(
    rules: Sequence[Rule], targets: Sequence[Prunable]
) -> list[tuple[Rule, list[Prunable]]]:
    """Assign every target to the first rule that covers it; a target may have no rule.

    Raises:
        UsageError: If a rule covers no target, or none that an earlier rule does not cover.
    """
    free = list(targets)
    jobs: list[tuple[Rule, list[Prunable]]] = []
    for rule in rules:
        covered = [target for target in free if rule.covers(target)]
        if not covered:
            raise _explain_no_target(rule, targets)
        free = [target for target in free if target not in covered]
        jobs.append((rule, covered))
    return jobs


def _explain_no_target(rule: Rule, targets: Sequence[Prunable]) -> UsageError:
    """Return the error for a rule that prunes nothing."""
    what = f"the rule for layers {rule.layers!r} prunes nothing"
    if any(rule.covers(target) for target in targets):
        return UsageError(
            what,
            found=f"an earlier rule for {rule.parameter} that matches the same layers",
            hint="Put the narrower rule first: the first rule that matches wins",
        )
    places = [place for target in targets for place in target.places]
    layers = list(dict.fromkeys(place.layer for place in places))
    matched = [layer for layer in layers if rule.matches(layer)]
    if matched:
        have = sorted({place.parameter for place in places if place.layer in matched})
        return UsageError(
            what,
            expected=f"a layer with a {rule.parameter}",
            found=f"{_shorten(matched)} with {_shorten(have)}",
        )
    close = difflib.get_close_matches(rule.layers, layers, n=3)
    return UsageError(
        what,
        expected="the name of a layer with a parameter of two or more dimensions",
        found="none that matches",
        hint=f"Did you mean {_shorten(close)}?" if close else f"Choose among: {_shorten(layers)}",
    )


def _shorten(names: Sequence[str]) -> str:
    """Return the first eight of ``names``, separated by commas."""
    shown = [name or "(the model itself)" for name in names[:8]]
    return ", ".join(shown) + (", …" if len(names) > 8 else "") if shown else "none"
