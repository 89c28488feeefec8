"""Application of a pruning rule to live parameters, through ``torch.nn.utils.prune``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from prunepack.errors import PrunepackError, UsageError
from prunepack.stages.calibration.statistics import NO_STATISTICS, Statistics
from prunepack.stages.contract.messages import list_names
from prunepack.stages.contract.progress import remark
from prunepack.stages.pruning.amounts import compute_amount, count_least
from prunepack.stages.pruning.canvas import Canvas
from prunepack.stages.pruning.layers import Layout, find_layout
from prunepack.stages.pruning.methods import open_method

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch

    from prunepack.stages.pruning.layers import Axis
    from prunepack.stages.pruning.methods import Method, MethodOptions
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round
    from prunepack.stages.pruning.targets import Prunable

__all__ = ["apply_rule", "resolve_scope"]


def apply_rule(
    rule: Rule,
    targets: Sequence[Prunable],
    this_round: Round,
    statistics: Statistics = NO_STATISTICS,
) -> None:
    """Prune each of ``targets`` alone, or all together if the rule's scope is global.

    Args:
        rule: The method and its options.
        targets: The parameters.
        this_round: The round of the schedule.
        statistics: Statistics on calibration samples, for methods that need them.

    Raises:
        UsageError: If the method cannot prune them, or makes a wrong mask.
    """
    method = open_method(rule.method)
    together = resolve_scope(rule, method) == "global"
    if together and method.kind != "unstructured":
        raise _not_together(rule, method)
    for group in [targets] if together else [[target] for target in targets]:
        with _name_target(rule, group):
            canvases = [_open_canvas(rule, method, target) for target in group]
            options = [_choose_options(rule, method, each, statistics) for each in canvases]
            arguments = _collect_arguments(rule, method, canvases, options[0], this_round)
            scores = list(map(partial(_rank, rule, method), options, canvases))
            _call_torch(method, canvases, scores, arguments, together=together)
            for canvas in canvases:
                _check_mask(rule, canvas)
                canvas.transfer()


def resolve_scope(rule: Rule, method: Method) -> str:
    """Return ``local`` or ``global``: the method's own scope where the rule says ``auto``."""
    return method.scope if rule.scope == "auto" else rule.scope


def _not_together(rule: Rule, method: Method) -> UsageError:
    reason = {
        "structured": "channels of different layers differ in size, so their norms do not compare",
        "global": "its mask depends on the shape of the tensor",
    }[method.kind]
    return UsageError(
        f"`{rule.method}` cannot prune several tensors together ({reason})",
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
        raise UsageError(
            f"`{rule.method}` cannot prune {list_names((one.weight for one in group), 1)}",
            found=f"{type(error).__name__}: {error}",
            hint="Change the method's options, or leave the layer out with prune.exclude",
        ) from error


def _open_canvas(rule: Rule, method: Method, target: Prunable) -> Canvas:
    """Return a stand-in for ``target`` in the layout that the method works along.

    Raises:
        UsageError: If the method needs the inputs of a layer of an unknown class.
    """
    least = count_least(rule.min_left, target.tensor.numel())
    protected = least if method.kind == "unstructured" else 0
    if method.axis is None or rule.dim is not None or target.tensor.ndim < 2:
        return Canvas.of(target, Layout(), protected)
    return Canvas.of(target, _find_layout(rule, target, method.axis), protected)


def _find_layout(rule: Rule, target: Prunable, axis: Axis) -> Layout:
    """Return the layout of the layer that ``target`` belongs to.

    Raises:
        UsageError: If inputs are needed, and the layer is of an unknown class.
    """
    layer = target.roles[0].module
    layout = find_layout(layer, axis)
    if layout is not None:
        return layout
    if axis == "inputs":
        raise UsageError(
            f"`{rule.method}` does not know which dimension of `{target.weight}` its layer sums "
            "over",
            expected="Linear, a convolution, a recurrent layer, MultiheadAttention, Embedding or "
            "Conv1D of transformers",
            found=type(layer).__name__,
            hint="Set dim in a rule for this layer: 1 for (out, in), 0 for (in, out)",
        )
    remark(
        f"dim 0 of `{target.weight}` ({type(layer).__name__}) is taken for its output channels; "
        "prune.dim names another one"
    )
    return Layout()


def _choose_options(
    rule: Rule, method: Method, canvas: Canvas, statistics: Statistics
) -> MethodOptions:
    """Return the options of the method for one parameter, in its layout."""
    if canvas.layout.is_transposed:
        statistics = statistics.reorder(canvas.target.weight, canvas.layout.reorder)
    options = replace(rule.method_options, statistics=statistics)
    if options.dim is None:
        options = replace(options, dim=1 if method.axis == "inputs" else 0)
    return options


def _collect_arguments(
    rule: Rule,
    method: Method,
    canvases: Sequence[Canvas],
    options: MethodOptions,
    this_round: Round,
) -> dict[str, Any]:
    """Return the keyword arguments of the method's class."""
    first = canvases[0]
    tensor = getattr(first.module, first.parameter)
    arguments = dict(method.arguments(options, first.target.weight, tensor))
    if method.takes_amount:
        dim = None
        if method.kind == "structured":
            dim = method.pruning_class(**arguments, amount=rule.amount).dim  # type: ignore[attr-defined, call-arg]
        arguments["amount"] = compute_amount(rule, canvases, dim, this_round)
    return arguments


def _rank(
    rule: Rule, method: Method, options: MethodOptions, canvas: Canvas
) -> torch.Tensor | None:
    """Return the scores of a parameter; None for the values of the parameter itself.

    Raises:
        UsageError: If the method's own scores are not one number per weight.
    """
    if method.score is None:
        return canvas.scores
    values = canvas.values
    scores = method.score(options, canvas.target.weight, values)
    if scores.shape != values.shape or bool(scores.isnan().any()):
        is_same = scores.shape == values.shape
        raise UsageError(
            f"`{rule.method}` made wrong scores of `{canvas.target.weight}`",
            expected=f"one number for each weight of {tuple(values.shape)}",
            found="NaN among them" if is_same else f"the shape {tuple(scores.shape)}",
        )
    return scores


def _call_torch(
    method: Method,
    canvases: Sequence[Canvas],
    scores: Sequence[torch.Tensor | None],
    arguments: Mapping[str, Any],
    *,
    together: bool,
) -> None:
    from torch.nn.utils import prune as torch_prune

    places = [(canvas.module, canvas.parameter) for canvas in canvases]
    ranked = zip(places, scores, strict=True)
    known = {place: values for place, values in ranked if values is not None}
    if together or method.score is not None:  # of one tensor, the same as alone
        torch_prune.global_unstructured(places, method.pruning_class, known or None, **arguments)
        return
    (place,) = places
    named = dict(arguments)
    if known and "importance_scores" in signature(method.pruning_class.apply).parameters:
        named["importance_scores"] = known[place]
    method.pruning_class.apply(*place, **named)


def _check_mask(rule: Rule, canvas: Canvas) -> None:
    """Check the new mask of a parameter.

    Raises:
        UsageError: If it is not a mask, revives a pruned weight, or leaves too few weights.
    """
    mask, target = canvas.mask, canvas.target
    problem = _find_problem(mask.to(canvas.before.dtype), canvas.before)
    if problem:
        what = f"`{rule.method}` made a wrong mask of `{target.weight}`"
        raise UsageError(what, expected=problem[0], found=problem[1])
    least = min(count_least(rule.min_left, mask.numel()), int(canvas.before.count_nonzero()))
    left = int(mask.count_nonzero())
    if left < least:
        raise UsageError(
            f"`{rule.method}` leaves fewer weights in `{target.weight}` than `min_left`",
            expected=f"at least {least:,} weights",
            found=f"{left:,}",
            hint="Lower min_left, or choose a method that ranks weights or channels by an amount",
        )


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
