"""Allocation of amounts: the smallest sum of errors, or one drop for all layers."""

import numpy as np
import pytest

from prunepack.pipeline.sensitivity.allocation import LayerCurve, spread_drop, spread_error

AMOUNTS = np.array([0.25, 0.5, 0.75, 1.0])


def curve(weights, errors, drops=(0, 0, 0, 0)):
    return LayerCurve(weights, AMOUNTS, np.array(errors, float), np.array(drops, float))


def count_pruned(layers, amounts):
    total = sum(layer.weights for layer in layers.values())
    return sum(layers[name].weights * a for name, a in amounts.items()) / total


LAYERS = {
    "tough": curve(1000, [0.001, 0.002, 0.01, 1], [0, 0.1, 0.2, 50]),
    "delicate": curve(1000, [0.1, 0.3, 0.8, 2], [1, 5, 20, 80]),
    "tiny": curve(10, [0.1, 0.3, 0.8, 2], [1, 5, 20, 80]),
}


@pytest.mark.parametrize("spread", [spread_error, spread_drop])
@pytest.mark.parametrize("sparsity", [0.01, 0.3, 0.5, 0.77, 0.99])
def test_the_sparsity_is_reached(spread, sparsity):
    amounts = spread(LAYERS, sparsity)
    assert count_pruned(LAYERS, amounts) == pytest.approx(sparsity, abs=1e-6)
    assert all(0 <= amount <= 1 for amount in amounts.values())


@pytest.mark.parametrize("spread", [spread_error, spread_drop])
def test_tough_layers_are_pruned_more(spread):
    amounts = spread(LAYERS, 0.5)
    assert amounts["tough"] > amounts["delicate"]


def test_errors_are_per_weight_so_a_tiny_layer_stays_dense():
    amounts = spread_error(LAYERS, 0.5)
    assert amounts["tiny"] < 0.05 < amounts["delicate"] + 0.3


def test_no_other_amounts_have_a_smaller_sum_of_errors():
    """Against all allocations of two layers whose curves are convex."""
    layers = {
        "a": curve(100, [0.1, 0.2, 0.4, 1.6]),
        "b": curve(300, [0.3, 0.6, 1.2, 4.8]),
    }
    best = spread_error(layers, 0.6)
    grid = np.linspace(0, 1, 101)

    def cost(name, amount):
        layer = layers[name]
        logs = np.log(layer.errors + 1e-9)
        return np.exp(np.interp(amount, AMOUNTS, logs)) * min(amount / 0.25, 1) ** 2

    def total(a):
        b = (0.6 * 400 - 100 * a) / 300
        return cost("a", a) + cost("b", b) if 0 <= b <= 1 else np.inf

    assert total(best["a"]) <= min(map(total, grid)) + 0.02


def test_one_drop_for_all_layers():
    amounts = spread_drop(LAYERS, 0.6)
    drops = {
        name: np.interp(amounts[name], [0, *AMOUNTS], [0, *layer.drops])
        for name, layer in LAYERS.items()
    }
    assert drops["tough"] == pytest.approx(drops["delicate"], abs=0.2)
    assert drops["tiny"] == pytest.approx(drops["delicate"], abs=0.2)


@pytest.mark.parametrize("spread", [spread_error, spread_drop])
def test_outputs_that_are_not_finite_cost_the_most(spread):
    layers = {
        "fine": curve(100, [0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4]),
        "broken": curve(100, [0.15, np.nan, np.inf, np.nan], [1.5, np.nan, np.inf, np.nan]),
    }
    amounts = spread(layers, 0.4)
    assert amounts["fine"] > amounts["broken"]
    assert count_pruned(layers, amounts) == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("spread", [spread_error, spread_drop])
def test_flat_curves_share_alike(spread):
    layers = {name: curve(100, [0, 0, 0, 0]) for name in "ab"}
    amounts = spread_drop(layers, 0.5)
    assert amounts["a"] == pytest.approx(amounts["b"], abs=1e-6)
