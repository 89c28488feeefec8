"""Metrics as JSON: NaN and infinity are words, and nothing else is taken for a number."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prunepack.errors import RefusedError
from prunepack.stages.metrics.metric import Metric, metrics_from_json, metrics_to_json, write_json

SOURCE = Path("parity.json")
ROW = {"value": 1, "unit": "", "low": None, "high": None, "note": ""}


def test_metrics_come_back():
    metrics = {
        "size.ratio": Metric(8.5, "×", note="dense / artifact"),
        "latency.ratio": Metric(0.9, low=0.8, high=1.1),
        "samples": Metric(10_000, "samples"),
        "endless": Metric(math.inf, low=-math.inf, high=math.inf),
    }
    text = json.dumps(metrics_to_json(metrics), allow_nan=False)
    assert metrics_from_json(json.loads(text), SOURCE) == metrics


def test_not_a_number_comes_back():
    rows = metrics_to_json({"broken": Metric(math.nan)})
    assert rows["broken"]["value"] == "NaN"
    assert math.isnan(metrics_from_json(rows, SOURCE)["broken"].value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "AttributeError: 'NoneType' object has no attribute 'items'"),
        ([], "AttributeError: 'list' object has no attribute 'items'"),
        ({"x": 7}, "TypeError: 'int' object is not subscriptable"),
        ({"x": {}}, "KeyError: 'value'"),
        ({"x": ROW | {"value": None}}, "TypeError: a metric without a value"),
        ({"x": ROW | {"value": "many"}}, "KeyError: 'many'"),
        ({"x": ROW | {"value": True}}, "KeyError: True"),
        ({"x": ROW | {"low": [1]}}, "TypeError: unhashable type: 'list'"),
        ({"x": ROW | {"low": 10**400}}, "OverflowError: int too large to convert to float"),
        ({"x": ROW | {"unit": None}}, "TypeError: expected text, found None"),
        ({"x": ROW | {"note": 3}}, "TypeError: expected text, found 3"),
    ],
)
def test_what_holds_no_figures(value, found, says):
    with says(
        RefusedError,
        "`parity.json` holds no metrics: expected the output of verify, measure or gate, "
        f"found {found}",
    ):
        metrics_from_json(value, SOURCE)


def test_a_written_file_is_standard_json(tmp_path):
    write_json(tmp_path / "x.json", {"unit": "×"})
    assert (tmp_path / "x.json").read_bytes() == '{\n "unit": "×"\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "y.json", math.nan)


def test_the_encoding_does_not_depend_on_the_machine(tmp_path):
    code = (
        "from pathlib import Path; from prunepack.stages.metrics.metric import write_json\n"
        "write_json(Path('x.json'), '\\u00d7')"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=os.environ | plain)
    assert json.loads((tmp_path / "x.json").read_bytes()) == "×"
