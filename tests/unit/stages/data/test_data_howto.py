"""docs/how-to/data.md: its files, its recipes and its commands work as they stand there."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest

from prunepack.pipeline.cli import main
from prunepack.pipeline.plan import Plan
from prunepack.stages.evaluation.named import NAMED
from prunepack.stages.training.config import LOSSES

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "data.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {
    text.splitlines()[0].removeprefix("# "): text
    for kind, text in BLOCKS
    if kind in {"python", "toml"} and text.startswith("# ")
}
TABLES = [tomllib.loads(t) for kind, t in BLOCKS if kind == "toml" and not t.startswith("# ")]
COMMANDS = [
    shlex.split(line.removeprefix("$ prunepack "))
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Runs a command in a folder that has the page's files; returns the metrics and the notes."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)
    np.save("samples.npy", np.random.default_rng(0).standard_normal((30, 8), dtype=np.float32))

    def execute(*command):
        quick = ("--set", "measure.batch_sizes=[]")
        monkeypatch.setattr("sys.argv", ["prunepack", *command, *quick, "-q"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        report = json.loads(Path(f"artifacts/{Path(command[1]).stem}/report.json").read_text())
        return report["metrics"], [note["text"] for note in report.get("notes", [])]

    return execute


def test_classes(execute):
    metrics, _ = execute(*next(c for c in COMMANDS if "classes.toml" in c))
    assert metrics["accuracy.artifact"]["value"] > 60
    assert metrics["accuracy.samples"]["value"] == 200


@pytest.mark.parametrize("table", [{}, *TABLES])
def test_regression(execute, table):
    values = table.get("verify", {})
    settings = [f"verify.{key}={value}" for key, value in values.items() if key != "arguments"]
    if "arguments" in values:
        settings.append("verify.arguments={distance=0.5}")
    (command,) = (c for c in COMMANDS if "regression.toml" in c)
    metrics, _ = execute(*command, *(word for text in settings for word in ("--set", text)))
    assert metrics["metric.artifact"]["value"] > 0.3
    low, high = (metrics["metric.drop"][end] for end in ("low", "high"))
    assert low <= metrics["metric.drop"]["value"] <= high
    assert not any(name.startswith("accuracy") for name in metrics)


def test_every_metric_and_every_loss_is_on_the_page():
    table = PAGE[PAGE.index("| `verify.metric` |") : PAGE.index("If `verify.metric` is `accuracy`")]
    assert set(NAMED) == set(re.findall(r"`(\w+)`", table)) - {"verify"}
    for loss in LOSSES:
        assert f"`{loss}`" in PAGE


def test_every_setting_on_the_page_exists():
    fields = Plan.model_fields
    for stage, field in re.findall(r"`(verify|finetune|load)\.(\w+)`", PAGE):
        assert field in fields[stage].annotation.model_fields
