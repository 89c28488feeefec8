"""The interval of a ratio holds the true ratio as often as it says; no time is asserted here."""

import itertools

import numpy as np
import onnx
import pytest
import zstandard

from stages.latency import compare_latency, ratio_interval
from stages.measure import MeasureConfig, zstd19_size
from stages.sessions import onnx_session


def paired(ratio, seed, repeats=100):
    """Return noisy paired times whose true ratio is ``ratio``, with a slow spell in the middle."""
    generator = np.random.default_rng(seed)
    spell = np.where(np.arange(repeats) % 10 < 3, 1.5, 1.0)
    times = generator.lognormal(0, 0.1, (repeats, 2)) * spell[:, None]
    return times * np.array([1.0, ratio])


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.3])
def test_the_interval_holds_the_true_ratio_in_most_runs(ratio):
    held = 0
    for seed in range(40):
        low, high = ratio_interval(paired(ratio, seed), seed)
        assert low <= high
        held += low <= ratio <= high
    assert held >= 34


def test_a_real_slowdown_is_told_from_noise():
    assert ratio_interval(paired(1.3, 1), 0)[0] > 1.1


def test_the_interval_is_reproducible():
    times = paired(1.0, 3)
    assert ratio_interval(times, 7) == ratio_interval(times, 7)
    assert ratio_interval(times, 7) != ratio_interval(times, 8)


@pytest.fixture
def identity(tmp_path):
    """The path of an ONNX model that returns its input."""
    sides = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 2])
        for name in ("x", "y")
    ]
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "identity", sides[:1], sides[1:])
    opset = onnx.helper.make_opsetid("", 20)
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=[opset]), tmp_path / "m")
    return tmp_path / "m"


class Noted:
    """A real session that writes down when it was run."""

    def __init__(self, session, name, log):
        self._session, self._name, self._log = session, name, log

    def __getattr__(self, name):
        return getattr(self._session, name)

    def run(self, *arguments):
        self._log.append(self._name)
        return self._session.run(*arguments)


def test_both_run_in_turn_and_in_alternating_order(identity):
    log = []
    dense, pruned = (
        Noted(onnx_session(identity, ["CPUExecutionProvider"]), name, log)
        for name in ("dense", "pruned")
    )
    compare_latency(dense, pruned, {"x": np.zeros((1, 2), np.float32)}, repeats=10, seed=0)
    timed = log[-20:]
    pairs = [tuple(timed[at : at + 2]) for at in range(0, 20, 2)]
    assert set(pairs) == {("dense", "pruned"), ("pruned", "dense")}
    assert all(first != second for first, second in itertools.pairwise(pairs))


def test_zstd_weighs_what_the_command_would_make(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert zstd19_size([tmp_path / "a"]) == len(
        zstandard.ZstdCompressor(level=19).compress(content)
    )


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match="a batch has 1 sample or more, found 0"):
        MeasureConfig(batch_sizes=(0,))
