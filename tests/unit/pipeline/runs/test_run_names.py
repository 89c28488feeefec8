"""Names of runs, studies and recipes stay inside the folder of artifacts."""

import onnx
import pytest

import prunepack
from prunepack.errors import UsageError
from prunepack.pipeline.cli.commands.run import run_command
from prunepack.pipeline.cli.commands.search import search_command
from prunepack.pipeline.recipe import read_recipe
from prunepack.pipeline.runs.names import check_name
from tests.unit.stages.graphs.models import two_layers

WRONG = {
    "": "an empty name",
    "  ": "an empty name",
    ".": "the name of a folder",
    "..": "the name of a folder",
    "../../esc": "a path",
    "/tmp/esc": "a path",
    "a\\b": "a path",
    "a\nb": "a character that cannot be printed",
    "a\x1b[31m": "a character that cannot be printed",
    "a\0": "a character that cannot be printed",
    "\udcff": "a character that cannot be printed",
    "x" * 101: "101 characters",
}


@pytest.mark.parametrize(("name", "found"), WRONG.items())
def test_names_that_are_refused(name, found):
    with pytest.raises(UsageError, match="is not a name") as refused:
        check_name(name, "--name")
    assert refused.value.found == found
    assert refused.value.expected == "up to 100 printable characters without / and \\"
    assert refused.value.what.startswith("--name `")
    assert refused.value.what.isprintable()


@pytest.mark.parametrize("name", ["base", "größer 2", "v1.2-rc", "...", "x" * 100, "模型"])
def test_names_that_are_taken(name):
    check_name(name, "--name")


@pytest.mark.parametrize("name", ["", "../esc", "7"])
def test_a_run_with_a_wrong_name_does_not_begin(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    onnx.save(two_layers(), "net.onnx")
    with pytest.raises(UsageError, match="--name"):
        prunepack.run("net.onnx", name=name, observers=["tensorboard"])
    with pytest.raises(UsageError, match="--name"):
        run_command.main(["net.onnx", "--name", name], standalone_mode=False)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


@pytest.mark.parametrize("name", ["", "../esc", "a\nb"])
def test_a_study_with_a_wrong_name_does_not_begin(tmp_path, monkeypatch, name):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--study"):
        search_command.main(["lenet", "--study", name], standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["...toml", ".store.toml", "..toml", ".net.toml"])
def test_a_recipe_whose_release_would_lie_elsewhere(tmp_path, file):
    (tmp_path / file).write_text('[load]\nmodel = "lenet300"\n')
    with pytest.raises(UsageError, match="gives no name for a folder") as refused:
        read_recipe(str(tmp_path / file))
    assert refused.value.expected == "a file name that does not begin with a dot"
    assert refused.value.hint == "Rename the file"
