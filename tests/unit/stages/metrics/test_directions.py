"""The better side and the range of every metric."""

import math

import pytest

from prunepack.stages.metrics.catalog import CATALOG
from prunepack.stages.metrics.directions import BETTER, find_better, find_range
from prunepack.stages.metrics.limits import matches
from prunepack.stages.reporting.built_in_checks import BUILT_IN_LIMITS, FILE_CHECKS


@pytest.mark.parametrize("row", CATALOG, ids=lambda row: row.name)
def test_every_metric_has_a_better_side_or_is_said_to_have_none(row):
    assert any(matches(row.name, (glob,)) for glob in BETTER)
    low, high = find_range(row.name, row.unit)
    assert low < high


@pytest.mark.parametrize(
    "limit", [*BUILT_IN_LIMITS, *(check.limit for check in FILE_CHECKS)], ids=str
)
def test_built_in_limits_are_on_the_worse_side(limit):
    assert find_better(limit.name) in {None, limit.sense}


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("accuracy.artifact", ">="),
        ("accuracy.drop", "<="),
        ("agreement.torch_onnx", ">="),
        ("latency.batch_1.ratio", "<="),
        ("latency.batch_1.pruned_throughput", ">="),
        ("latency.batch_1.dense", None),
        ("metric.artifact", None),
        ("parity.torch_onnx.outputs.a.b.cosine", ">="),
        ("parity.torch_onnx.outputs.a.b.max_absolute", "<="),
        ("size.artifact", "<="),
        ("size.dense_onnx", None),
        ("size.ratio_zstd19", ">="),
        ("sparsity.layer.fc1", ">="),
    ],
)
def test_better_sides(name, better):
    assert find_better(name) == better


@pytest.mark.parametrize(
    ("name", "unit", "ends"),
    [
        ("accuracy.artifact", "%", (0, 100)),
        ("metric.artifact", "%", (0, 100)),
        ("metric.artifact", "", (-math.inf, math.inf)),
        ("accuracy.drop", "points", (-100, 100)),
        ("similarity.mean_cosine", "", (-1, 1)),
        ("size.artifact", "bytes", (0, math.inf)),
        ("latency.batch_1.verdict", "", (-1, 1)),
    ],
)
def test_ranges(name, unit, ends):
    assert find_range(name, unit) == ends
