"""docs/how-to/verify.md: its recipes, its code and its options work as they stand there."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from prunepack.stages.comparison.tolerances import DEFAULTS
from prunepack.stages.inputs.batch_sizes import SIZES
from prunepack.stages.inputs.magnitudes import SCALES
from prunepack.stages.metrics.intervals import RESAMPLES
from prunepack.stages.verify import VerifyConfig, verify

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "verify.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RECIPES = [tomllib.loads(text)["verify"] for kind, text in BLOCKS if kind == "toml"]
SOURCES = [text for kind, text in BLOCKS if kind == "python"]
COMMANDS = [
    shlex.split(line.removeprefix("$ prunepack "))
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]


@pytest.fixture
def verified(chain, run, tmp_path, monkeypatch):
    """Verifies LeNet in a folder that has the page's files."""
    monkeypatch.chdir(tmp_path)
    for source in SOURCES:
        Path(source.splitlines()[0].removeprefix("# ")).write_text(source)

    def verified(**fields):
        config = VerifyConfig(provider="cpu", samples=40, **fields)
        parity = run(verify, config, chain.dense, chain.final, chain.onnx, chain.artifact)
        return json.loads((parity.path / "parity.json").read_text())["metrics"]

    return verified


def test_the_tolerances_run(verified):
    rules = next(recipe["tolerances"] for recipe in RECIPES if "tolerances" in recipe)
    metrics = verified(tolerances=rules)
    assert metrics["parity.torch_onnx.beyond_tolerance"]["value"] == 0
    note = metrics["parity.torch_onnx.outputs.output.beyond_tolerance"]["note"]
    assert note == "atol 1e-05, rtol 0.0001"


def test_the_samples_are_judged(verified):
    metrics = verified(inputs="samples.py:samples")
    assert metrics["accuracy.samples"]["value"] == 40
    assert metrics["accuracy.dense"]["value"] < 40


def test_the_metric_runs(verified):
    metric = next(recipe["metric"] for recipe in RECIPES if "metric" in recipe)
    metrics = verified(metric=metric)
    assert metrics["metric.samples"]["value"] == 40
    assert metrics["metric.dense"]["value"] > metrics["metric.pruned"]["value"]


def test_every_metric_that_it_names_is_measured(verified):
    metrics = verified()
    prefix = "parity.torch_onnx.outputs.output."
    table = PAGE[PAGE.index("| metric |") : PAGE.index("For all outputs together")]
    for name in re.findall(r"`(\w+)`", table):
        assert f"{prefix}{name}" in metrics
    measured = {name for name in metrics if name.startswith(prefix)}
    assert measured == {f"{prefix}{name}" for name in re.findall(r"`(\w+)`", table)}
    for name in re.findall(r"`((?:parity|torch|accuracy)\.[\w.]+\w)`", PAGE):
        assert name in metrics


def test_its_numbers_are_those_of_the_code():
    assert "1e-4 for float32, 1e-2 for float16, 1e-7 for float64" in PAGE
    assert list(DEFAULTS.values()) == [1e-7, 1e-4, 1e-2]
    assert (SCALES[0], SCALES[-1]) == (1 / 4096, 262144)
    assert "from 1/4096 to 262,144 times as large as usual" in PAGE
    assert f"batches of {', '.join(map(str, SIZES))}" in PAGE
    assert f"{RESAMPLES:,} bootstrap resamples" in PAGE
    assert "batches of 1, 2 and 61" in PAGE
    assert VerifyConfig().random_samples == 1 + 2 + 61


def test_its_options_are_those_of_the_command():
    options = {word for words in COMMANDS for word in words if word.startswith("--")}
    assert {option[2:].replace("-", "_") for option in options} <= VerifyConfig.model_fields.keys()
