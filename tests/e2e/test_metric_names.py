"""The metrics of a real report: each stands in the catalog, with its unit."""

import json

from prunepack.stages.metrics.catalog import find_description


def test_every_metric_of_a_report_is_described(released):
    metrics = json.loads((released[0] / "artifacts/lenet/report.json").read_text())["metrics"]
    described = {name: find_description(name) for name in metrics}
    assert [name for name, row in described.items() if row is None] == []
    units = {name: (metrics[name]["unit"], row.unit) for name, row in described.items()}
    assert {name: pair for name, pair in units.items() if pair[0] != pair[1]} == {}
