"""An earlier release as a baseline: its report in full, its artifact as far as that goes."""

import json
import shutil

import pytest

from prunepack.errors import CorruptArtifactError, RefusedError, UsageError
from prunepack.io.digests import hash_file
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.metrics.files import read_metrics
from prunepack.stages.metrics.metric import Metric, metrics_to_json, write_json
from prunepack.stages.profiling.operators import graph_metrics
from prunepack.stages.reporting.baseline import find_baseline, open_baseline


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
    assert found.metrics["sparsity.layer.fc1"].value == pytest.approx(90, abs=5)


@pytest.mark.parametrize("outputs", [(), ("parity.torch_onnx.outputs.output.values",)])
def test_an_artifact_of_another_model(chain, outputs, tmp_path, says):
    """It names no outputs, which could be the same."""
    source = put(tmp_path / "report.json", ["sparsity.layer.encoder", *outputs])
    with says(
        RefusedError,
        f"the baseline `{chain.artifact.file}` is of another model: expected a layer or an output "
        "with the same name, found none. Name an earlier release of the same model",
    ):
        find_baseline(chain.artifact.file, [source], read_metrics(source))
    same = put(tmp_path / "same.json", ["sparsity.layer.fc1", *outputs])
    assert find_baseline(chain.artifact.file, [same], read_metrics(same)) is not None


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


def put(path, names=(), **content):
    metrics = {name: Metric(1.0) for name in names}
    path.write_text(json.dumps({"metrics": metrics_to_json(metrics), **content}))
    return path


def test_a_release_is_not_its_own_baseline(tmp_path, says):
    source = put(tmp_path / "report.json", ["x"])
    for path in (source, tmp_path):
        with says(
            UsageError,
            f"the baseline `{path}` is the report that is judged. "
            "Name the report of an earlier release",
        ):
            find_baseline(path, [source], read_metrics(source))
    copy = shutil.copy(source, tmp_path / "earlier.json")
    assert find_baseline(copy, [source], read_metrics(source)).metrics == {"x": Metric(1.0)}


LAYERS = ("sparsity.layer.fc1", "sparsity.layer.a.b")
OUTPUTS = ("parity.torch_onnx.outputs.logits.values", "similarity.outputs.y.z.mean_cosine")


@pytest.mark.parametrize(
    "other",
    [
        ["sparsity.layer.conv", "parity.torch_onnx.outputs.mask.values"],
        ["sparsity.layer.c.d", "similarity.outputs.other.cosine", "size.onnx"],
        ["sparsity.layer.fc2", "parity.files.outputs.x.values"],
    ],
)
def test_a_baseline_of_another_model(other, tmp_path, says):
    source = put(tmp_path / "report.json", [*LAYERS, *OUTPUTS])
    earlier = put(tmp_path / "earlier.json", other)
    with says(
        RefusedError,
        f"the baseline `{earlier}` is of another model: expected a layer or an output with the "
        "same name, found none. Name an earlier release of the same model",
    ):
        find_baseline(earlier, [source], read_metrics(source))


@pytest.mark.parametrize(
    ("other", "remarks"),
    [
        ([LAYERS[0], "parity.torch_onnx.outputs.renamed.values"], 0),
        (["sparsity.layer.model.fc1", OUTPUTS[0]], 1),
        (["size.onnx"], 0),
    ],
)
def test_a_baseline_with_other_names(other, remarks, tmp_path):
    source = put(tmp_path / "report.json", [*LAYERS, *OUTPUTS])
    earlier = put(tmp_path / "earlier.json", other)
    with collect_remarks() as found:
        find_baseline(earlier, [source], read_metrics(source))
    assert found == [f"the baseline {earlier} has no layer in common with this model"][:remarks]


def check(limit, threshold, name="size.artifact"):
    return {"name": name, "limit": limit, "threshold": threshold, "unit": "bytes"}


def test_the_values_of_a_baseline_are_recalled(tmp_path):
    checks = [
        check("size.artifact <= 1.5 x baseline + 10", 160),
        check("size.onnx <= baseline", 7, "size.onnx"),
        check("size.ratio >= 8", 8, "size.ratio"),
    ]
    digests = {"model.onnx": "1" * 64}
    source = put(tmp_path / "report.json", ["x"], checks=checks, baseline=digests, host="here")
    found = find_baseline(None, [source], read_metrics(source))
    assert found.metrics == {
        "size.artifact": Metric(100.0, "bytes"),
        "size.onnx": Metric(7.0, "bytes"),
    }
    assert (found.digests, found.host) == (digests, "here")


@pytest.mark.parametrize("content", [{}, {"baseline": None}, {"baseline": {}, "checks": []}])
def test_no_baseline_to_recall(content, tmp_path):
    source = put(tmp_path / "report.json", ["x"], **content)
    assert find_baseline(None, [source], read_metrics(source)) is None


@pytest.mark.parametrize(
    ("checks", "found"),
    [
        (None, "TypeError: 'NoneType' object is not iterable"),
        ([7], "TypeError: 'int' object is not subscriptable"),
        ([{"limit": "a.b <= baseline"}], "KeyError: 'threshold'"),
    ],
)
def test_checks_that_cannot_be_recalled(checks, found, tmp_path, says):
    source = put(tmp_path / "report.json", ["x"], baseline={}, checks=checks)
    with says(
        RefusedError,
        "the checks of the report are malformed: expected a limit and a threshold for each, "
        f"found {found}",
    ):
        find_baseline(None, [source], read_metrics(source))
