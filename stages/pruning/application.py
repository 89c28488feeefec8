"""Application of a pruning rule to live parameters, through ``torch.nn.utils.prune``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prunepack.errors import PrunepackError, UsageError
from prunepack.stages.pruning.masks import Pruned, count_units, put_mask
from prunepack.stages.pruning.methods import open_method
from prunepack.stages.pruning.schedules import count_pruned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch

    from prunepack.stages.pruning.masks import Prunable
    from prunepack.stages.pruning.methods import Method
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round

__all__ = ["apply_rule", "resolve_scope"]


def apply_rule(rule: Rule, targets: Sequence[Prunable], this_round: Round) -> None:
    """Prune each of ``targets`` alone, or all together if the rule's scope is global.

    Raises:
        UsageError: If the method cannot prune them, or makes a wrong mask.
    """
    method = open_method(rule.method)
    together = resolve_scope(rule, method) == "global"
    if together and method.kind != "unstructured":
        raise _not_together(rule, method)
    for group in [targets] if together else [[target] for target in targets]:
        with _name_target(rule, group):
            masks = [target.mask for target in group]
            arguments = _collect_arguments(rule, method, group[0], masks, this_round)
            _call_torch(method, group, arguments, together=together)
            for target, mask in zip(group, masks, strict=True):
                _share_mask(rule, target, mask)


def resolve_scope(rule: Rule, method: Method) -> str:
    """Return ``local`` or ``global``: the method's own scope where the rule says ``auto``."""
    return method.scope if rule.scope == "auto" else rule.scope


def _not_together(rule: Rule, method: Method) -> UsageError:
    reason = {
        "structured": "channels of different layers differ in size, so their norms do not compare",
        "global": "its mask depends on the shape of the tensor",
    }[method.kind]
    return UsageError(
        f"{rule.method} cannot prune several tensors together ({reason})",
        expected="scope local, or a method that ranks single weights",
        found="scope global",
    )


@contextmanager
def _name_target(rule: Rule, group: Sequence[Prunable]) -> Iterator[None]:
    """Turn exceptions of torch and of user code into an error that names the parameter."""
    try:
        yield
    except PrunepackError:
        raise
    except Exception as error:
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        raise UsageError(
            f"{rule.method} cannot prune {group[0].name}{more}",
            found=f"{type(error).__name__}: {error}",
            hint="Change the method's options, or leave the layer out with the rule's layers",
        ) from error


def _collect_arguments(
    rule: Rule,
    method: Method,
    first: Prunable,
    masks: Sequence[torch.Tensor],
    this_round: Round,
) -> dict[str, Any]:
    """Return the keyword arguments of the method's class."""
    arguments = dict(method.arguments(rule.method_options, first.name, first.tensor))
    if method.takes_amount:
        arguments["amount"] = _compute_amount(rule, method, arguments, masks, this_round)
    return arguments


def _compute_amount(
    rule: Rule,
    method: Method,
    arguments: Mapping[str, Any],
    masks: Sequence[torch.Tensor],
    this_round: Round,
) -> int | float:
    """Return the amount of this round, as torch counts it: of the remaining weights."""
    dim, unit = None, "weights"
    if method.kind == "structured":
        dim = method.pruning_class(**arguments, amount=rule.amount).dim  # type: ignore[attr-defined, call-arg]
        unit = f"channels along dim {dim}"
    total, remaining = count_units(masks, dim)
    one_shot = this_round.schedule == "one_shot"
    most = remaining if one_shot else total
    if isinstance(rule.amount, int) and rule.amount > most:
        raise UsageError(
            f"{rule.method} cannot prune that much of the layers {rule.layers!r}",
            expected=f"an amount of at most {most:,} {unit}",
            found=f"{rule.amount:,}",
            hint="Write a fraction with a point: 0.9 is a fraction, 100 is a count",
        )
    if one_shot:
        return rule.amount
    goal = count_pruned(this_round.schedule, rule.amount, total, this_round.step, this_round.steps)
    return max(0, goal - (total - remaining))


def _call_torch(
    method: Method, group: Sequence[Prunable], arguments: Mapping[str, Any], *, together: bool
) -> None:
    from torch.nn.utils import prune as torch_prune

    places = [(target.places[0].module, target.places[0].parameter) for target in group]
    if together:
        torch_prune.global_unstructured(places, method.pruning_class, **arguments)
    else:
        method.pruning_class.apply(*places[0], **arguments)


def _share_mask(rule: Rule, target: Prunable, before: torch.Tensor) -> None:
    """Check the new mask of ``target`` and put it on every other place that holds the parameter.

    Raises:
        UsageError: If it is not a mask, or revives a pruned weight.
    """
    first, *others = target.places
    pruned = Pruned(first.layer, first.module, first.parameter)
    mask = pruned.mask.to(before.dtype)
    problem = _find_problem(mask, before)
    if problem:
        expected, found = problem
        raise UsageError(
            f"{rule.method} made a wrong mask of {pruned.name}", expected=expected, found=found
        )
    pruned.module.register_buffer(f"{pruned.parameter}_mask", mask)
    for place in others:
        put_mask(place.module, place.parameter, mask)


def _find_problem(mask: torch.Tensor, before: torch.Tensor) -> tuple[str, str] | None:
    """Return (expected, found) if ``mask`` does not prune ``before`` further."""
    if mask.shape != before.shape:
        return f"the shape {tuple(before.shape)}", str(tuple(mask.shape))
    if not bool(((mask == 0) | (mask == 1)).all()):
        return "zeros and ones", "other values"
    revived = int((mask > before).sum())
    if revived:
        return "pruned weights to stay pruned", f"{revived:,} weights revived"
    return None
