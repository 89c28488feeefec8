"""Assignment of parameters to pruning rules, and of exclusions."""

from __future__ import annotations

import difflib
import fnmatch
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import nn

    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.targets import Prunable

__all__ = ["assign_rules", "check_prunable", "exclude_targets"]


def exclude_targets(
    patterns: Sequence[str], targets: Sequence[Prunable], layers: Iterable[str]
) -> tuple[list[Prunable], list[Prunable]]:
    """Return (remaining, excluded) targets; a tied weight is excluded if one of its layers is.

    Args:
        patterns: Names and globs of layers, or of weights; ``first`` and ``last`` are the ends of
            the layers with a weight matrix.
        targets: The parameters.
        layers: The names of all modules, in their order.

    Raises:
        UsageError: If a pattern names no layer.
    """
    weighted = {role.layer for target in targets if target.is_weight for role in target.roles}
    ordered = [layer for layer in layers if layer in weighted]
    ends = {"first": ordered[:1], "last": ordered[-1:]}
    excluded: list[Prunable] = []
    for pattern in patterns:
        named = [target for target in targets if _is_named(pattern, target)]
        if pattern in ends and not named:
            named = [target for end in ends[pattern] for target in targets if _is_in(end, target)]
        if not named:
            raise _explain_no_layer(pattern, targets)
        excluded += [target for target in named if target not in excluded]
    kept = [target for target in targets if target not in excluded]
    return kept, [target for target in targets if target in excluded]


def _is_named(pattern: str, target: Prunable) -> bool:
    """Return whether ``pattern`` matches a layer or the name of a weight of ``target``."""
    names = {place.layer for place in target.places} | {role.name for role in target.roles}
    return _is_in(pattern, target) or any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _is_in(layer: str, target: Prunable) -> bool:
    """Return whether ``target`` belongs to ``layer`` or to a layer inside it."""
    names = [role.layer for role in target.roles]
    return any(name == layer or name.startswith(f"{layer}.") for name in names)


def _explain_no_layer(pattern: str, targets: Sequence[Prunable]) -> UsageError:
    layers = list(dict.fromkeys(role.layer for target in targets for role in target.roles))
    return UsageError(
        f"prune.exclude names no layer: `{pattern}`",
        expected="first, last or the name of a layer",
        found=", ".join(f"`{layer}`" for layer in layers[:8]) + (", …" if layers[8:] else ""),
        hint=_suggest_layer(pattern, layers),
    )


def _suggest_layer(pattern: str, layers: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(pattern, layers, n=1)
    return f"Did you mean `{close[0]}`?" if close else None


def check_prunable(model: nn.Module, targets: Sequence[Prunable]) -> None:
    """Check that a model has at least one weight that pruning can reach.

    Raises:
        UsageError: If it has none.
    """
    if any(target.is_matrix for target in targets):
        return
    found = [f"`{name}` {tuple(tensor.shape)}" for name, tensor in model.named_parameters()]
    raise UsageError(
        "the model has no weight that can be pruned",
        expected="a parameter of two or more dimensions",
        found=(", ".join(found[:8]) + (", …" if found[8:] else "")) or "no parameter",
        hint='Set prune.method = "none" to carry the model through as it is',
    )


def assign_rules(
    rules: Sequence[Rule], targets: Sequence[Prunable], excluded: Sequence[Prunable] = ()
) -> list[tuple[Rule, list[Prunable]]]:
    """Assign every target to the first rule that covers it; a target may have no rule.

    Raises:
        UsageError: If a rule covers no target, or none that an earlier rule does not cover.
        RefusedError: If a target that a rule prunes holds NaN.
    """
    free = list(targets)
    jobs: list[tuple[Rule, list[Prunable]]] = []
    for rule in rules:
        covered = [target for target in free if rule.covers(target)]
        if not covered:
            raise _explain_no_target(rule, targets, excluded)
        free = [target for target in free if target not in covered]
        jobs.append((rule, covered))
        if rule.method != "none":
            _refuse_nan(covered)
    return jobs


def _refuse_nan(targets: Iterable[Prunable]) -> None:
    for target in targets:
        if not target.tensor.is_meta and (count := int(target.tensor.isnan().sum())):
            raise RefusedError(
                f"{quote(target.weight)} cannot be pruned: NaN has no rank among weights",
                expected="finite weights",
                found=f"{count:,} NaN",
                hint="Load weights from before the training diverged",
            )


def _explain_no_target(
    rule: Rule, targets: Sequence[Prunable], excluded: Sequence[Prunable]
) -> UsageError:
    """Return the error for a rule that prunes nothing."""
    what = f"the rule for layers {quote(rule.layers)} prunes nothing"
    if any(rule.covers(target) for target in targets):
        return UsageError(
            what,
            found=f"an earlier rule for {rule.parameter} that matches the same layers",
            hint="Put the narrower rule first: the first rule that matches wins",
        )
    if named := [target.weight for target in excluded if rule.covers(target)]:
        return UsageError(
            what,
            expected="a layer that is not excluded",
            found=f"prune.exclude names {_shorten(named)}",
            hint="Exclude fewer layers, or leave the rule out",
        )
    return _explain_no_match(rule, what, targets)


def _explain_no_match(rule: Rule, what: str, targets: Sequence[Prunable]) -> UsageError:
    """Return the error for a rule whose layers or parameter no target has."""
    pairs = [(role.layer, role.weight) for target in targets for role in target.roles]
    layers = list(dict.fromkeys(layer for layer, _ in pairs))
    matched = [layer for layer in layers if rule.matches(layer)]
    if matched:
        have = sorted({weight for layer, weight in pairs if layer in matched})
        expected, found = f"a layer with a {rule.parameter}", _shorten(matched)
        return UsageError(what, expected=expected, found=f"{found} with {_shorten(have)}")
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
