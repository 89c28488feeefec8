"""docs/how-to/latency.md: its recipes are valid, and its metrics exist."""

import re
import tomllib
from pathlib import Path

import pytest

from prunepack.stages.gate import GateConfig
from prunepack.stages.measure import MeasureConfig, measure

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "latency.md").read_text()
RECIPE = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)))


def test_its_settings_are_the_defaults():
    assert MeasureConfig(**RECIPE["measure"]) == MeasureConfig()
    assert set(RECIPE["measure"]) | {"seed"} == set(MeasureConfig.model_fields)


@pytest.fixture
def names(run, chain):
    config = MeasureConfig(provider="cpu", repeats=10, rounds=5)
    parts = chain.dense, chain.masked, chain.dense_onnx, chain.onnx, chain.artifact
    return set(run(measure, config, *parts).content["metrics"])


def test_its_metrics_are_measured(names):
    limits = GateConfig(**RECIPE["gate"]).limits
    assert len(limits) == 4
    assert {str(limit).split()[0] for limit in limits} <= names
    listed = re.findall(r"`((?:latency|memory|runtime)\.[\w.]+)`", PAGE)
    assert len(listed) > 10
    assert {name.replace("batch_N", "batch_1") for name in listed} <= names
