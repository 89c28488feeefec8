"""The catalog of metrics: one description for each name."""

import pytest

from prunepack.stages.metrics.catalog import CATALOG, find_description


def test_names_are_unique():
    assert len({row.name for row in CATALOG}) == len(CATALOG)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("size.ratio", "size.ratio"),
        ("latency.batch_32.ratio", "latency.RUN.ratio"),
        ("latency.provider_mismatches", "latency.provider_mismatches"),
        ("sparsity.layer.features.0", "sparsity.layer.LAYER"),
        ("parity.torch_onnx.outputs.a.b.tolerance", "parity.torch_onnx.outputs.OUTPUT.tolerance"),
    ],
)
def test_a_metric_is_found_by_its_name(name, row):
    assert find_description(name).name == row


@pytest.mark.parametrize("name", ["size", "size.ratio.x", "latency..ratio", ""])
def test_other_names_are_not_found(name):
    assert find_description(name) is None


def test_every_built_in_check_is_on_a_described_metric():
    from prunepack.stages.reporting.built_in_checks import BUILT_IN_LIMITS

    assert all(find_description(limit.name) for limit in BUILT_IN_LIMITS)
