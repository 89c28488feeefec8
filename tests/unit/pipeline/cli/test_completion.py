"""Completion offers names that exist, and leaves files to the shell."""

import pytest
from click.shell_completion import BashComplete

from prunepack.pipeline.cli import prunepack
from prunepack.pipeline.cli.completion import COMPLETERS
from prunepack.pipeline.sensitivity.config import SensitivityConfig
from prunepack.stages.gate import GateConfig
from prunepack.stages.load import LoadConfig
from prunepack.stages.prune import PruneConfig


def complete(*words):
    """Return (kind, value) of each completion of the last word."""
    shell = BashComplete(prunepack, {}, "prunepack", "_PRUNEPACK_COMPLETE")
    return {(item.type, item.value) for item in shell.get_completions([*words[:-1]], words[-1])}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("ex",), {"explain", "export"}),
        (("run", "lenet-c"), {"lenet-custom"}),
        (("run", "lenet", "--until", "ex"), {"export", "export_dense"}),
        (("run", "lenet", "--force", "me"), {"measure"}),
        (("prune", "x", "--method", "l1"), {"l1_unstructured"}),
        (("prune", "x", "--scope", "g"), {"global"}),
        (("load", "--model", "lenet3"), {"lenet300"}),
        (("load", "--dataset", "mn"), {"mnist"}),
        (("train", "lenet5"), {"lenet5"}),
        (("fetch", "m"), {"mnist"}),
    ],
)
def test_names(words, names):
    assert complete(*words) == {("plain", name) for name in names}


@pytest.mark.parametrize(
    "words",
    [
        ("unpack", "wo"),
        ("unpack", "x", "-o", "wo"),
        ("load", "--weights", "wo"),
        ("load", "--model", "wo"),
        ("prune", "x", "--method", "wo"),
        ("gate", "wo"),
        ("run", "wo"),
    ],
)
def test_files_are_left_to_the_shell(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complete(*words) == {("file", "wo")}


def test_recipes_are_toml_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.toml", "model.onnx"):
        (tmp_path / name).write_text("")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/inner.toml").write_text("")
    assert complete("run", "mo") == {("plain", "more/")}
    assert complete("run", "mine") == {("plain", "mine.toml")}
    assert complete("run", "more/") == {("plain", "more/inner.toml")}


def test_limits_are_on_the_metrics_of_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complete("gate", "none.json", "--limits", "size.") == set()


def test_every_completer_belongs_to_a_field():
    configs = (LoadConfig, PruneConfig, GateConfig, SensitivityConfig)
    fields = {name for config in configs for name in config.model_fields}
    assert set(COMPLETERS) <= fields


def test_commands_complete_with_their_help():
    shell = BashComplete(prunepack, {}, "prunepack", "_PRUNEPACK_COMPLETE")
    (item,) = shell.get_completions([], "unp")
    assert item.help == "Restore the packed files, byte for byte."
