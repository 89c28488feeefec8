"""Values that no measurement gives are refused, and files of metrics that disagree."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from prunepack.errors import RefusedError
from prunepack.stages.metrics.consistency import check_plausible
from prunepack.stages.metrics.files import collect_metrics, read_metrics
from prunepack.stages.metrics.metric import Metric, metrics_to_json

SOURCE = Path("report.json")


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        (Metric(-5, "bytes"), "expected 0 to inf bytes, found -5"),
        (Metric(250, "%"), "expected 0 to 100 %, found 250"),
        (Metric(-1, "values"), "expected 0 to inf values, found -1"),
        (Metric(-0.5, "×"), "expected 0 to inf ×, found -0.5"),
        (Metric(-math.inf, "ms"), "expected 0 to inf ms, found -inf"),
        (Metric(101, "points"), "expected -100 to 100 points, found 101"),
        (Metric(99.9, "%", 90, 91), "expected its interval, 90 to 91 %, found 99.9"),
        (Metric(-3, "", -2, 2), "expected its interval, -2 to 2, found -3"),
        (Metric(5, "", 6, 4), "expected its interval, 6 to 4, found 5"),
    ],
)
def test_a_value_that_no_measurement_gives(metric, found, says):
    message = f"the metric `x` in `report.json` has a value that no measurement gives: {found}"
    with says(RefusedError, f"{message}. Measure again"):
        check_plausible({"x": metric}, SOURCE)


@pytest.mark.parametrize(
    "metric",
    [
        Metric(0, "values"),
        Metric(100 * (1 + 1e-15), "%"),
        Metric(-12.5, "points", -13, -12),
        Metric(-200, "dB"),
        Metric(math.inf, "dB"),
        Metric(math.nan, "%"),
        Metric(math.inf, "×"),
        Metric(0.3, "", 0.1 + 0.2, 0.4),
        Metric(5, "", math.nan, math.nan),
        Metric(5, "", None, 6),
        Metric(-1),
    ],
)
def test_values_that_measurements_give(metric):
    check_plausible({"x": metric}, SOURCE)


@pytest.mark.parametrize("name", ["report.json", "parity.json", "measurements.json"])
def test_every_file_of_metrics_is_checked(name, tmp_path):
    path = tmp_path / name
    path.write_text(json.dumps({"metrics": metrics_to_json({"x": Metric(-5, "bytes")})}))
    with pytest.raises(RefusedError, match="no measurement gives"):
        read_metrics(path)


ACCURACY = Metric(98.5, "%", 98, 99, "of 10,000 samples")


@pytest.fixture
def put(tmp_path):
    def put(name, metrics, **content):
        path = tmp_path / name
        path.write_text(json.dumps({"metrics": metrics_to_json(metrics), **content}))
        return path

    return put


@pytest.mark.parametrize(
    "other",
    [
        replace(ACCURACY, value=98.6),
        replace(ACCURACY, low=90),
        replace(ACCURACY, high=None),
        replace(ACCURACY, unit="points"),
        replace(ACCURACY, value=math.nan),
    ],
)
def test_two_values_of_one_metric(other, put, says):
    first, second = put("a.json", {"x": ACCURACY}), put("b.json", {"x": other})
    with says(
        RefusedError,
        f"`{second}` and `{first}` disagree on the metric `x`: expected 98.5, found "
        f"{other.value:g}. Judge only the newer one, or each with a command of its own",
    ):
        collect_metrics([first, second])


@pytest.mark.parametrize("metric", [replace(ACCURACY, note="again"), Metric(math.nan, "%")])
def test_the_same_value_twice(metric, put):
    given = metric if math.isnan(metric.value) else ACCURACY
    sources = [put("a.json", {"x": given}, host="a"), put("b.json", {"x": metric, "y": ACCURACY})]
    found = collect_metrics(sources)
    assert set(found.metrics) == {"x", "y"}
    assert found.host == "a"


def test_times_of_two_machines(put, says):
    first, second = (put(f"{host}.json", {}, host=host) for host in ("a", "b"))
    with says(
        RefusedError,
        f"`{second}` and `{first}` have times of two machines: expected a, found b. "
        "Judge each with a command of its own",
    ):
        collect_metrics([first, second])


@pytest.mark.parametrize("key", ["digests", "files"])
def test_other_files(key, put, says):
    first, second = (put(f"{n}.json", {}, **{key: {"model.onnx": n * 64}}) for n in "12")
    with says(
        RefusedError,
        f"`{second}` is of another model than `{first}`: expected model.onnx {'1' * 12}…, "
        f"found {'2' * 12}…. Verify and measure the same artifact",
    ):
        collect_metrics([first, second])
