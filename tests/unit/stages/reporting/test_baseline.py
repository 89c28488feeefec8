"""An earlier release as a baseline: its report in full, its artifact as far as that goes."""

import pytest

from prunepack.errors import CorruptArtifactError, RefusedError, UsageError
from prunepack.io.digests import hash_file
from prunepack.stages.metrics.metric import Metric, metrics_to_json, write_json
from prunepack.stages.profiling.operators import graph_metrics
from prunepack.stages.reporting.baseline import open_baseline


def test_a_report_and_the_folder_it_lies_in(tmp_path):
    metrics = {"size.artifact": Metric(1, "bytes")}
    content = {"metrics": metrics_to_json(metrics), "host": "here", "digests": {"a": "b" * 64}}
    write_json(tmp_path / "report.json", content)
    for path in (tmp_path, tmp_path / "report.json"):
        found = open_baseline(path)
        assert (found.metrics, found.host, found.digests) == (metrics, "here", {"a": "b" * 64})


def test_an_artifact(chain):
    found = open_baseline(chain.artifact.file)
    assert found.digests == {"model.prunepack": hash_file(chain.artifact.file)}
    assert found.metrics["size.artifact"].value == chain.artifact.file.stat().st_size
    assert found.metrics["size.onnx"].value == chain.onnx.size
    assert found.metrics["sparsity.weights"].value == pytest.approx(90, abs=0.1)
    graph = graph_metrics(chain.onnx.model)
    assert graph.items() <= found.metrics.items()


def test_a_damaged_artifact_is_refused(chain, tmp_path):
    file = tmp_path / "cut.prunepack"
    file.write_bytes(chain.artifact.file.read_bytes()[:-40])
    with pytest.raises(CorruptArtifactError, match=r"cut\.prunepack"):
        open_baseline(file)


def test_an_artifact_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot open"):
        open_baseline(tmp_path / "none.prunepack")


def test_a_report_without_figures(tmp_path, says):
    path = tmp_path / "report.json"
    write_json(path, {"metrics": {}})
    with says(RefusedError, f"the baseline `{path}` holds no metrics: expected at least one"):
        open_baseline(path)
