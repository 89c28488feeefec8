"""A dead model is one whose outputs are all the same for different inputs."""

import numpy as np
import pytest

from prunepack.stages.comparison.constancy import Constancy
from prunepack.stages.inputs.batches import InputBatch

RANDOM = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
BIAS = np.array([0.1, -2.0], np.float32)


def count(*batches, source="", inputs=RANDOM):
    """Return the number of constant outputs of a model that returns these outputs."""
    constancy = Constancy("artifact", "torch")
    for index, outputs in enumerate(batches):
        batch = InputBatch("random", {"x": inputs + index * (inputs is RANDOM)}, 6, source=source)
        constancy.add(batch, {"artifact": outputs})
    (metric,) = constancy.metrics().values()
    return metric.value


def repeat(row):
    return np.repeat(np.asarray(row)[None], 6, 0)


@pytest.mark.parametrize(
    "outputs",
    [
        {"y": repeat(BIAS)},
        {"y": repeat(np.zeros((4, 4), np.float32))},
        {"y": repeat(BIAS), "z": repeat(BIAS * 2)},
        {"y": repeat(BIAS) * (1 + 1e-7 * RANDOM[:, :1])},
        {"y": repeat(np.float32("nan"))},
    ],
)
def test_a_dead_model(outputs):
    assert count(outputs) == len(outputs)


def test_a_dead_model_without_a_batch_axis():
    assert count({"y": BIAS}, {"y": BIAS}) == 1
    assert count({"y": BIAS}, {"y": BIAS + 1}) == 0


@pytest.mark.parametrize(
    "outputs",
    [
        {"y": RANDOM},
        {"y": repeat(BIAS) + 1e-4 * RANDOM[:, :2]},
        {"anchors": repeat(BIAS), "y": RANDOM},
        {"scale": BIAS, "y": RANDOM},
        {"y": repeat(np.int64(3))},
        {"y": repeat(True)},
    ],
)
def test_honest_models(outputs):
    assert count(outputs) == 0


def test_whole_numbers_are_judged_on_samples():
    assert count({"y": repeat(np.int64(3))}, source="digits") == 1


def test_equal_inputs_show_nothing():
    assert count({"y": repeat(BIAS)}, inputs=repeat(np.ones(3, np.float32))) == 0


def test_outputs_of_other_shapes_are_not_compared():
    assert count({"y": BIAS}, {"y": np.concatenate([BIAS, BIAS])}) == 0
