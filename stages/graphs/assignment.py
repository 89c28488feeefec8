"""Assignment of the weights of an ONNX model to pruning rules, and exclusions."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from prunepack.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.graphs.pruning import GraphTensor
    from prunepack.stages.pruning.rules import Rule

__all__ = ["assign_graph_rules", "exclude_graph_tensors"]


def exclude_graph_tensors(
    patterns: Sequence[str], tensors: Sequence[GraphTensor]
) -> list[GraphTensor]:
    """Return the tensors that no pattern excludes.

    Args:
        patterns: Names and globs of layers or initializers; ``first`` and ``last`` are the ends
            of the layers with a weight, in the order of the nodes.
        tensors: The tensors.

    Raises:
        UsageError: If a pattern names no layer.
    """
    layers = [tensor.weight.places[0].layer for tensor in tensors if tensor.values.ndim >= 2]
    ends = {"first": layers[:1], "last": layers[-1:]}
    kept = list(tensors)
    for pattern in patterns:
        names = [pattern] if pattern in layers else ends.get(pattern, [pattern])
        excluded = [tensor for tensor in tensors if any(_is_in(name, tensor) for name in names)]
        if not excluded:
            raise _explain_no_layer(pattern, layers)
        kept = [tensor for tensor in kept if tensor not in excluded]
    return kept


def _explain_no_layer(pattern: str, layers: Sequence[str]) -> UsageError:
    return UsageError(
        f"prune.exclude names no layer: `{pattern}`",
        expected="first, last or the name of a layer",
        found=", ".join(f"`{layer}`" for layer in layers[:8]),
        hint="Name a layer as prunepack inspect lists it",
    )


def _is_in(pattern: str, tensor: GraphTensor) -> bool:
    """Return whether ``pattern`` is the layer of ``tensor``, one around it, or its name."""
    names = {tensor.name, *(place.layer for place in tensor.weight.places)}
    return any(
        fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for name in names
    )


def assign_graph_rules(
    rules: Sequence[Rule], tensors: Sequence[GraphTensor]
) -> list[tuple[Rule, list[GraphTensor]]]:
    """Assign every tensor to the first rule that covers it; a tensor may have no rule.

    Raises:
        UsageError: If a rule covers no tensor that an earlier rule does not cover.
    """
    free = list(tensors)
    jobs = []
    for rule in rules:
        covered = [tensor for tensor in free if tensor.is_named(rule)]
        if not covered:
            raise _explain_no_tensor(rule, tensors)
        free = [tensor for tensor in free if tensor not in covered]
        jobs.append((rule, covered))
    return jobs


def _explain_no_tensor(rule: Rule, tensors: Sequence[GraphTensor]) -> UsageError:
    names = [tensor.weight.places[0].layer for tensor in tensors]
    return UsageError(
        f"the rule for layers {quote(rule.layers)} prunes nothing",
        expected=f"the name of an initializer with a {rule.parameter}",
        found="none that matches, or only those of earlier rules" if names else "all excluded",
        hint=f"Choose among: {', '.join(names[:8])}" + (", …" if len(names) > 8 else "")
        if names
        else "Shorten prune.exclude",
    )
