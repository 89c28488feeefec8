"""Pruning rules: the parameters to prune, the method and the amount."""

from __future__ import annotations

import fnmatch
import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, InputFile, is_user_code
from prunepack.stages.pruning.methods import METHODS, MethodOptions

if TYPE_CHECKING:
    from prunepack.stages.pruning.parametrizations import Role
    from prunepack.stages.pruning.targets import Prunable

__all__ = ["Amount", "Norm", "Rule"]

_GLOB = re.compile(r"[*?\[]")


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

_OPTION_OF = {
    "norm": ("ln_structured",),
    "pattern": ("n_m", "wanda_n_m", "admm_n_m"),
    "mask_file": ("custom_from_mask",),
    "groups": ("ln_structured", "random_structured"),
}


class Rule(Config):
    """One pruning method over the layers that a pattern matches."""

    layers: str = Field("*", description="Layers to prune: a glob over module names, or re:REGEX.")
    parameter: str = Field(
        "weight",
        description="Parameter to prune. 'weight' means every weight matrix of a layer, including "
        "those of LSTM, MultiheadAttention and weight_norm. Otherwise a parameter name such as "
        "'bias', or a glob over the names of tensors with two or more dimensions.",
    )
    method: CodeName = Field(
        "l1_unstructured",
        description="Built-in method, or your BasePruningMethod: module:Class or file.py:Class; "
        "none: add no masks and keep existing ones.",
    )
    amount: Amount = Field(
        0.9,
        description="Amount to prune: a fraction (0.9), or a count of weights or channels (100).",
    )
    scope: Literal["auto", "local", "global"] = Field(
        "auto",
        description="local: the amount applies to each tensor; global: to all matched tensors "
        "together; auto: global for l1_unstructured, lamp, snip and taylor, local for all others.",
    )
    norm: Norm = Field(
        2.0,
        description="ln_structured: the order of the norm that ranks channels: a number, inf, "
        "-inf, fro or nuc.",
    )
    groups: bool = Field(
        False,
        description="Structured methods: rank and mask together all layers that share a channel "
        "(residual sums, concatenations, grouped convolutions, attention heads), so that compact "
        "removes it wholly. The amount is of the channels of each group.",
    )
    min_left: Amount = Field(
        0,
        description="Minimum number of weights that each tensor keeps: a fraction (0.05) or a "
        "count (10). Under global ranking, weights of other tensors are pruned instead.",
    )
    dim: int | None = Field(
        None,
        description="Structured methods: the dimension whose slices are channels (by default the "
        "layer's output channels). n_m: the dimension along which groups are formed (by default "
        "the layer's inputs).",
    )
    pattern: str = Field(
        "2:4",
        pattern=r"^\d+:\d+$",
        description="n_m, wanda_n_m, admm_n_m: keep N of every M consecutive weights (N:M).",
    )
    mask_file: InputFile | None = Field(
        None, description="custom_from_mask: a safetensors file with one mask per parameter name."
    )
    options: dict[str, bool | int | float | str] = Field(
        {}, description="Keyword arguments for the class of your pruning method."
    )

    @field_validator("method")
    @classmethod
    def _method_is_known(cls, method: str) -> str:
        if method != "none" and not is_user_code(method):
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
            raise ValueError(
                f"layers {quote(layers)} is not a regular expression: {error}"
            ) from None
        return layers

    @model_validator(mode="after")
    def _options_fit_the_method(self) -> Self:
        for name, owners in _OPTION_OF.items():
            changed = getattr(self, name) != Rule.model_fields[name].default
            if changed and self.method not in owners:
                known = " or ".join(owners)
                raise ValueError(f"{name} is for the method {known}, found method {self.method}")
        if self.groups and (self.dim is not None or self.min_left or self.scope == "global"):
            raise ValueError("groups has no dim, no min_left and no global scope: leave them out")
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
        return any(
            (self.matches(place.layer) or self.matches(role.layer))
            and self._names(target, place.parameter, role)
            for place, role in zip(target.places, target.roles, strict=True)
        )

    def _names(self, target: Prunable, parameter: str, role: Role) -> bool:
        """Return whether ``parameter`` of the rule names a parameter, or the weight it gives."""
        names = {parameter} if role.is_part else {parameter, role.weight}
        if self.parameter == "weight":
            return target.is_weight and not role.is_part
        if _GLOB.search(self.parameter):
            matched = any(fnmatch.fnmatchcase(name, self.parameter) for name in names)
            return matched and target.tensor.ndim > 1 and not role.is_part
        return self.parameter in names
