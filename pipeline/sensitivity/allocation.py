"""Allocation of amounts to layers, from the curves of the layers alone.

``error`` prunes where the squared error of the outputs grows least per weight, until the sparsity
is reached: the sum of the layers' errors is then the smallest one (a Lagrangian relaxation over
the convex hull of every curve, as Shoham and Gersho 1988 allocate bits). Errors of layers add up
as long as they are small and independent. ``drop`` gives every layer the amount at which its own
curve reaches one common drop of the metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prunepack.stages.contract.arrays import Array

__all__ = ["ALLOCATIONS", "LayerCurve", "spread_drop", "spread_error"]

POINTS = 200
"""Amounts at which a curve is interpolated."""
LEAST = 1e-9
"""Smallest error whose logarithm is taken."""
SLOPE = 1e-3
"""Rise of a flat curve of drops, as a fraction of the highest drop of all layers: where pruning
costs nothing, layers share what is to be pruned alike."""
STEPS = 60
BROKEN = 10
"""Cost of outputs that are not finite, as a multiple of the highest other cost."""


@dataclass(frozen=True, slots=True)
class LayerCurve:
    """Measured costs of pruning one layer alone.

    Attributes:
        weights: The number of weights.
        amounts: Fractions in rising order, (n,).
        errors: Squared errors of the outputs, relative to the variance of the outputs, (n,).
        drops: Drops of the metric, (n,).
    """

    weights: int
    amounts: Array
    errors: Array
    drops: Array


def spread_error(layers: Mapping[str, LayerCurve], sparsity: float) -> dict[str, float]:
    """Return the amount of each layer with the smallest sum of errors.

    Args:
        layers: The curves by the name of the layer.
        sparsity: The fraction of the weights of these layers to prune; more than the curves cover
            is not pruned.
    """
    pieces = [
        ((cost - before) / (layer.weights * (end - start)), name, start, end)
        for name, layer in layers.items()
        for (start, before), (end, cost) in pairwise(_find_hull(*_trace_error(layer)))
    ]
    amounts = dict.fromkeys(layers, 0.0)
    left = sparsity * sum(layer.weights for layer in layers.values())
    for _, name, start, end in sorted(pieces):
        part = min((end - start) * layers[name].weights, left)
        left -= part
        amounts[name] += part / layers[name].weights
    return amounts


def _trace_error(layer: LayerCurve) -> tuple[Array, Array]:
    """Return a curve at many amounts: errors grow by factors, and as a square near zero."""
    amounts = np.linspace(0, layer.amounts[-1], POINTS)
    logs = np.log(_make_rising(layer.errors) + LEAST)
    errors = np.exp(np.interp(amounts, layer.amounts, logs))
    return amounts, errors * np.minimum(amounts / layer.amounts[0], 1) ** 2


def _find_hull(amounts: Array, costs: Array) -> list[tuple[float, float]]:
    """Return the corners of the greatest convex curve below the points (Andrew 1979)."""
    hull: list[tuple[float, float]] = []
    for x, y in zip(amounts.tolist(), costs.tolist(), strict=True):
        while len(hull) > 1 and _is_above(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    return hull


def _is_above(
    first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]
) -> bool:
    """Return whether the middle point lies on or above the line between the others."""
    (x1, y1), (x2, y2), (x3, y3) = first, middle, last
    return (y2 - y1) * (x3 - x1) >= (y3 - y1) * (x2 - x1)


def _make_rising(values: Array) -> Array:
    """Return the nearest values that do not fall; a value that is not finite is a high one."""
    from scipy.optimize import isotonic_regression

    known = values[np.isfinite(values)]
    highest = BROKEN * max(1.0, *known)
    finite = np.where(np.isfinite(values), np.maximum(values, 0), highest)
    rising: Array = isotonic_regression(finite).x
    return rising


def spread_drop(layers: Mapping[str, LayerCurve], sparsity: float) -> dict[str, float]:
    """Return the amount of each layer at which its curve reaches one common drop.

    The arguments are those of :func:`spread_error`.
    """
    curves = {name: _make_rising(layer.drops) for name, layer in layers.items()}
    highest = max(float(drops[-1]) for drops in curves.values()) or 1.0
    total = sum(layer.weights for layer in layers.values())
    low, high = 0.0, highest * (1 + SLOPE)
    for _ in range(STEPS):
        middle = (low + high) / 2
        found = _reach(layers, curves, middle, SLOPE * highest)
        pruned = sum(layers[name].weights * amount for name, amount in found.items())
        low, high = (middle, high) if pruned <= sparsity * total else (low, middle)
    return _reach(layers, curves, low, SLOPE * highest)


def _reach(
    layers: Mapping[str, LayerCurve], curves: Mapping[str, Array], drop: float, slope: float
) -> dict[str, float]:
    """Return the amount of each layer at which its curve reaches ``drop``."""
    amounts = {name: np.array([0.0, *layer.amounts]) for name, layer in layers.items()}
    return {
        name: float(np.interp(drop, np.array([0.0, *drops]) + slope * at, at))
        for name, drops in curves.items()
        for at in [amounts[name]]
    }


ALLOCATIONS: Mapping[str, Callable[[Mapping[str, LayerCurve], float], dict[str, float]]] = {
    "error": spread_error,
    "drop": spread_drop,
}
