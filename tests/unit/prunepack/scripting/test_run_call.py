"""Runs from Python: settings, results, pictures, HTML, errors."""

import json
import logging
import tomllib
from pathlib import Path

import onnx
import pytest

import prunepack
from prunepack.errors import UsageError
from prunepack.pipeline.recipe_text import format_value
from prunepack.pipeline.runs.run_files import read_runs
from tests.unit.stages.graphs.models import two_layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    onnx.save(two_layers(), folder / "net.onnx")
    return folder


def start(folder, **settings):
    settings = {"prune": {"amount": 0.5}} | settings
    return prunepack.run(folder / "net.onnx", artifacts=folder / "artifacts", **settings)


@pytest.fixture(scope="module")
def run(folder):
    return start(folder, name="half")


def test_results(run, folder):
    assert run.path == folder / "artifacts" / "net"
    assert (run.name, run.recipe) == ("half", "net")
    assert run.report == json.loads((run.path / "report.json").read_bytes())
    assert run.passed == (run.report["verdict"] == "passed")
    assert run.metrics["size.artifact"].value == run.artifact.size
    assert run.artifact.read_tensor("first.weight").shape[1] == 8
    assert repr(run) == f"<prunepack.Run {run.number} of net: {run.report['summary']}>"


def test_the_run_is_that_of_the_command(run, folder):
    """The settings stand in the record as ``--set`` would give them."""
    (record,) = [each for each in read_runs(folder / "artifacts") if each.number == run.number]
    assert record.settings == ("prune.amount=0.5",)
    again = start(folder, name="half")
    assert again.number == run.number
    assert again.report == run.report


def test_results_of_a_later_run_leave_those_of_an_earlier_one(run, folder):
    size = run.artifact.size
    later = start(folder, prune={"amount": 0.9})
    assert later.number > run.number
    assert later.artifact.size < size == run.artifact.size
    assert later.metrics["size.artifact"].value < run.metrics["size.artifact"].value


def test_pictures(run, tmp_path):
    plots = json.loads((run.path / "plots.json").read_bytes())
    assert "sizes" in plots
    picture = run.plot("sizes")
    assert picture.table[0]["form"]
    assert "<svg" in picture.html
    assert "<script" not in picture.html
    assert picture.save(tmp_path / "sizes.html").read_text("utf-8") == picture.html
    assert picture._repr_html_().startswith("<iframe ")
    assert repr(picture) == "<prunepack.Plot sizes: Bytes>"
    with pytest.raises(UsageError, match="has no picture `size`") as refused:
        run.plot("size")
    assert refused.value.hint == "Did you mean `sizes`?"
    assert "structure" in refused.value.expected
    with pytest.raises(UsageError) as refused:
        run.plot("sensitivity")
    assert refused.value.hint.startswith("Measure it by `prunepack sensitivity RECIPE`")


def test_html(run):
    page = run._repr_html_()
    assert f"net, run {run.number}" in page
    assert run.report["verdict"] in page
    assert "Size" in page


def test_html_escapes(folder):
    recipe = folder / "a & <b>.toml"
    recipe.write_text(f'load = {{ model = "{folder / "net.onnx"}" }}')
    for until in ("prune", None):
        page = prunepack.run(recipe, artifacts=folder / "a2", until=until)._repr_html_()
        assert "a &amp; &lt;b&gt;, run" in page


def test_a_run_that_fails_is_returned(folder):
    run = start(folder, gate={"limits": ["size.ratio >= 1000"]})
    assert not run.passed
    assert run.report["verdict"] == "failed"
    assert "size.ratio &gt;= 1000" in run._repr_html_()


def test_a_run_that_stops_early(folder):
    run = start(folder, prune={"amount": 0.25}, until="prune")
    assert run.report is None
    assert not run.passed
    assert run.metrics == {}
    assert (run.path / "model.onnx").exists()
    assert repr(run).endswith("of net: stopped after prune>")
    assert "stopped after prune" in run._repr_html_()
    with pytest.raises(UsageError, match="has no artifact") as refused:
        _ = run.artifact
    assert refused.value.found == "one that stopped after prune"
    with pytest.raises(UsageError, match="has no pictures"):
        run.plot("sizes")


def test_stages_and_assumptions_are_logged(folder, caplog):
    with caplog.at_level(logging.INFO, "prunepack"):
        start(folder, prune={"amount": 0.75, "method": "none"}, force=["load"])
    levels = {record.levelname: record.getMessage() for record in caplog.records}
    assert any("load … (forced" in text for text in caplog.messages)
    assert "WARNING" in levels


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"prune": 0.5}, "the table `prune` cannot be set"),
        ({"prune": {"amount": None}}, "a recipe cannot hold None"),
        ({"prune": {"amounts": 0.5}}, "prune.amounts: no such setting"),
        ({"prun": {"amount": 0.5}}, "prun: no such setting"),
        ({"until": "stop"}, "no stage is named `stop`"),
        ({"force": ["stop"]}, "no stage is named `stop`"),
        ({"name": "12"}, "--name 12"),
    ],
)
def test_wrong_arguments(folder, settings, what):
    with pytest.raises(UsageError) as refused:
        start(folder, **settings)
    assert what in str(refused.value)


def test_a_recipe_that_is_not_there():
    with pytest.raises(UsageError, match="no built-in recipe is named `lent`"):
        prunepack.run("lent")


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        1e-30,
        float("inf"),
        10**15,
        True,
        'a "quoted" text\nwith lines and ü',
        ["a", 1],
        ("x", 0.5),
        [{"layers": "conv*", "amount": 0.2}],
        {"key with space": 1, "plain": {"inner": [False]}},
        Path("a/b.toml"),
    ],
)
def test_values_are_written_as_toml(value):
    found = tomllib.loads(f"value = {format_value(value)}")["value"]
    expected = list(value) if isinstance(value, tuple) else value
    assert found == (str(expected) if isinstance(value, Path) else expected)
