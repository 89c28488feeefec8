"""Decisions about layers, given the rates of a machine."""

import numpy as np
import pytest
from test_provider import node, noise, save

from prunepack import list_sparse_layers, open_session
from prunepack.sparse.native import native
from prunepack.sparse.rates import Rates
from tests.unit.prunepack.sparse.numpy_twin import sparse

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

RATES = Rates(0.02, 0.02, 0.1, 0.1, 0.4, 0.5, 1.5, 0.6, 1000)
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _rates(monkeypatch):
    monkeypatch.setattr("prunepack.sparse.options.load_rates", lambda _: RATES)


def decide(path, nodes, weights, shape):
    return list_sparse_layers(open_session(save(path, nodes, weights, shape), sparse="auto"))


@pytest.mark.parametrize(("count", "least"), [(1, 0.75), (16, 0.15), (64, 0.15)])
def test_a_product_goes_sparse_above_a_share_of_zeros(count, least, tmp_path):
    chosen = {}
    for percent in range(0, 100, 5):
        weights = {"w": sparse(RNG, (512, 512), 1 - percent / 100)}
        nodes = [node("MatMul", "x", "w", out="y")]
        (layer,) = decide(tmp_path / "m.onnx", nodes, weights, [count, 512])
        chosen[percent / 100] = layer.is_sparse
        gains = layer.sparse_ns <= 0.75 * layer.dense_ns  # the whole graph must gain a quarter
        assert layer.is_sparse is gains
    shares = [share for share, is_sparse in chosen.items() if is_sparse]
    assert shares == [share for share in chosen if share >= min(shares)]
    assert least <= min(shares) <= 0.95


def test_estimates_follow_the_rates(tmp_path):
    weights = {"w": sparse(RNG, (64, 64, 3, 3), 0.1)}
    nodes = [node("Conv", "x", "w", out="y", pads=[1, 1, 1, 1])]
    (layer,) = decide(tmp_path / "m.onnx", nodes, weights, ["n", 64, 28, 28])
    assert layer.positions == 28 * 28
    assert layer.dense_ns == pytest.approx(64 * 576 * 784 * RATES.dense_conv)
    blocks = -(-576 // min(320, int(16 / (layer.nonzeros / (64 * 576)))))
    work = layer.nonzeros * RATES.sparse_many + 576 * RATES.pack + 64 * (blocks + 1) * RATES.finish
    assert layer.sparse_ns == pytest.approx(RATES.call + 49 * work)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_a_depthwise_convolution_follows_the_layer_before(is_sparse, tmp_path):
    weights = {
        "a": sparse(RNG, (64, 64, 1, 1), 0.1 if is_sparse else 1),
        "d": noise(64, 1, 3, 3),
        "b": sparse(RNG, (64, 64, 1, 1), 0.1),
    }
    nodes = [
        node("Conv", "x", "a", out="p"),
        node("Relu", "p", out="r"),
        node("Conv", "r", "d", out="q", pads=[1, 1, 1, 1], group=64),
        node("Conv", "q", "b", out="y"),
    ]
    layers = decide(tmp_path / "m.onnx", nodes, weights, [1, 64, 28, 28])
    assert [layer.is_sparse for layer in layers] == [is_sparse, is_sparse, True]
    assert [layer.is_depthwise for layer in layers] == [False, True, False]


def test_a_small_gain_of_the_whole_is_left(tmp_path):
    weights = {"a": noise(256, 256, 3, 3), "b": sparse(RNG, (256, 256, 1, 1), 0.3)}
    nodes = [node("Conv", "x", "a", out="p", pads=[1, 1, 1, 1]), node("Conv", "p", "b", out="y")]
    layers = decide(tmp_path / "m.onnx", nodes, weights, [1, 256, 28, 28])
    assert [layer.is_sparse for layer in layers] == [False, False]
    assert layers[1].sparse_ns * 1.15 < layers[1].dense_ns


def test_unknown_sizes_are_taken_as_small(tmp_path):
    weights = {"w": sparse(RNG, (64, 64, 1, 1), 0.05)}
    nodes = [node("Conv", "x", "w", out="y")]
    (layer,) = decide(tmp_path / "m.onnx", nodes, weights, ["n", 64, "h", "w"])
    assert layer.positions == 64
