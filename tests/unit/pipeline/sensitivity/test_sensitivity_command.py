"""``prunepack sensitivity`` on a small network of a user: results, reuse, goals and errors."""

import json
import tomllib
from pathlib import Path

import click
import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.cli.commands.run import run_command
from prunepack.pipeline.cli.commands.sensitivity import sensitivity_command
from prunepack.pipeline.recipe import read_recipe


@pytest.fixture
def sense(project, capsys):
    """Run the command; return its JSON and what it printed on stderr."""

    def run(*words, recipe="small.toml"):
        words = [recipe, *map(str, words), "--json"]
        sensitivity_command.main(words, standalone_mode=False)
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err

    return run


def refuse(*words, recipe="small.toml"):
    with pytest.raises(UsageError) as refused:
        sensitivity_command.main([recipe, *words], standalone_mode=False)
    return refused.value


def test_each_layer_is_pruned_alone(sense):
    measured, _ = sense()
    assert [curve["layer"] for curve in measured["curves"]] == ["0", "2", "4"]
    assert [curve["weights"] for curve in measured["curves"]] == [128, 256, 48]
    assert measured["samples"] == "150 samples of the validation split of net.py:blobs"
    assert measured["metric"] == "accuracy"
    for curve in measured["curves"]:
        assert [point["amount"] for point in curve["points"]] == [0.3, 0.6, 0.9]
        for point in curve["points"]:
            assert point["low"] <= point["drop"] <= point["high"]
            assert point["drop"] == pytest.approx(measured["dense"]["value"] - point["value"])
        errors = [point["error"] for point in curve["points"]]
        assert errors == sorted(errors)


def test_the_suggested_rules_have_the_sparsity_of_the_recipe(sense, project):
    measured, _ = sense()
    best = measured["suggestions"][0]
    assert best["sparsity"] == pytest.approx(0.6, abs=0.005)
    assert measured["recipe"]["sparsity"] == pytest.approx(0.6, abs=0.005)
    assert measured["magnitude"]["sparsity"] == best["sparsity"]
    assert best["drop"]["value"] <= measured["magnitude"]["drop"]["value"]
    assert best["bytes"] > 0
    assert Path(measured["files"]["small-suggested.toml"]).parent == Path("artifacts/small")


def test_the_suggested_recipe_runs_as_it_is(sense, project, capsys):
    measured, _ = sense()
    path = measured["files"]["small-suggested.toml"]
    recipe = read_recipe(path)
    assert recipe.plan.prune.steps == 2
    assert recipe.plan.load == read_recipe("small.toml").plan.load
    assert len(recipe.plan.prune.rules) == len(measured["suggestions"][0]["amounts"])
    run_command.main([path, "--until", "finalize"], standalone_mode=False)
    assert "stopped after finalize" in capsys.readouterr().out


def test_points_are_stored_and_a_later_call_measures_only_what_is_new(sense):
    _, first = sense("--layers", "0")
    assert "points measured, 0 reused" in first
    _, again = sense("--layers", "0")
    assert "0 points measured" in again
    _, more = sense("--layers", "0", "--amounts", "0.3,0.6,0.8,0.9")
    new = int(more.partition(" points measured, ")[0].split()[-1])
    assert 1 <= new <= 3  # the new amount, and rules that follow from it


def test_an_interrupted_measurement_goes_on(sense, monkeypatch):
    from prunepack.pipeline.sensitivity import probe

    calls = []
    real = probe.count_weights

    def stop_at_the_fifth(module):
        calls.append(module)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(module)

    monkeypatch.setattr(probe, "count_weights", stop_at_the_fifth)
    with pytest.raises(click.Abort):
        sensitivity_command.main(["small.toml"], standalone_mode=False)
    monkeypatch.setattr(probe, "count_weights", real)
    _, err = sense()
    assert int(err.partition(" reused")[0].split()[-1]) == 5  # the model and four points


def test_a_damaged_point_is_measured_again(sense, project):
    sense("--layers", "4")
    file = next((project / "artifacts" / ".store" / "objects").glob("*/probe.json"))
    file.chmod(0o644)
    file.write_text("{}")
    _, err = sense("--layers", "4")
    assert "1 points measured" in err
    assert "probe.json has" in err


def test_changed_data_is_measured_again(sense, project):
    sense("--layers", "4")
    text = (project / "net.py").read_text()
    (project / "net.py").write_text(text.replace("default_rng(5)", "default_rng(6)"))
    _, err = sense("--layers", "4")
    assert ", 0 reused" in err


@pytest.mark.parametrize(
    "method", ["random_unstructured", "lamp", "wanda", "snip", "taylor", "ln_structured"]
)
def test_every_score_has_curves_and_rules(sense, method):
    measured, _ = sense("--methods", f"l1_unstructured,{method}")
    assert {curve["method"] for curve in measured["curves"]} == {"l1_unstructured", method}
    drops = [each["drop"]["value"] for each in measured["suggestions"]]
    assert drops == sorted(drops)
    assert len(drops) == 2


@pytest.mark.parametrize("allocation", ["error", "drop"])
def test_goals_are_met(sense, allocation):
    drop, _ = sense("--goal", "drop=3", "--allocation", allocation)
    assert drop["suggestions"][0]["drop"]["value"] <= 3
    size, _ = sense("--goal", "bytes=2000", "--allocation", allocation)
    assert size["suggestions"][0]["bytes"] <= 2000
    part, _ = sense("--goal", "sparsity=0.5", "--allocation", allocation)
    assert part["suggestions"][0]["sparsity"] == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [("sparsity=0.95", "a sparsity of at most 0.9"), ("bytes=10", "at least ")],
)
@pytest.mark.usefixtures("project")
def test_a_goal_out_of_reach(goal, expected):
    error = refuse("--goal", goal)
    assert error.what == "no amounts of the grid meet the goal of `l1_unstructured`"
    assert error.expected.startswith(expected)
    assert error.found == goal
    assert error.hint == "Change sensitivity.goal, or measure larger amounts or more layers"


def test_the_output_is_not_replaced_without_force(sense, project):
    (project / "own.toml").write_text("# mine")
    error = refuse("-o", "own.toml")
    assert "own.toml" in error.what
    assert (project / "own.toml").read_text() == "# mine"
    sense("-o", "own.toml", "--force")
    assert tomllib.loads((project / "own.toml").read_text())["prune"]["rules"]


def test_the_default_output_is_replaced_until_somebody_edits_it(sense, project):
    sense("--layers", "4", "--goal", "sparsity=0.05")
    first = Path("artifacts/small/small-suggested.toml")
    text = first.read_text()
    sense("--layers", "4", "--goal", "sparsity=0.06")
    assert first.read_text() != text
    first.write_text(text + "# mine\n")
    error = refuse("--layers", "4", "--goal", "sparsity=0.06")
    assert error.what.endswith("/artifacts/small/small-suggested.toml` exists")
    assert error.hint == "Choose another path, or replace it with --force"
    assert first.read_text() == text + "# mine\n"
    sense("--layers", "4", "--goal", "sparsity=0.05", "--force")
    assert first.read_text() == text


@pytest.mark.parametrize(
    "words", [("-o", "no/own.toml"), ("-o", ""), ("-o", "net.py/x"), ("-o", ".")]
)
def test_an_output_that_cannot_be_written_is_refused_before_measuring(project, words):
    error = refuse(*words)
    assert "cannot be replaced" in error.what or error.what.startswith("cannot write")
    assert not list(project.glob("artifacts/.store/objects/*"))


def test_the_table_and_the_page(project, capsys):
    sensitivity_command.main(["small.toml"], standalone_mode=False)
    text = capsys.readouterr().out
    assert "of the recipe" in text
    assert "[[prune.rules]]" in text
    page = (project / "artifacts" / "small" / "sensitivity.html").read_text()
    assert "<script" not in page
    assert "http" not in page
    assert page.count("<title>") == page.count("<desc>") + 1


def test_a_grid_that_ends_below_the_recipe_is_told(project, capsys):
    sensitivity_command.main(["small.toml", "--amounts", "0.2,0.4"], standalone_mode=False)
    caution = "The grid ends at 0.4, so all layers get it: measure larger amounts."
    assert f"caution: {caution}" in capsys.readouterr().out
    assert caution in (project / "artifacts" / "small" / "sensitivity.html").read_text()


@pytest.mark.slow
def test_the_report_of_a_later_run_shows_the_curves(sense, project, capsys):
    sense()
    run_command.main(["small.toml"], standalone_mode=False)
    capsys.readouterr()
    report = json.loads((project / "artifacts" / "small" / "report.json").read_bytes())
    assert [each["layer"] for each in report["details"]["sensitivity"]["curves"]] == ["0", "2", "4"]
    page = (project / "artifacts" / "small" / "report.html").read_text()
    assert 'id="sensitivity"' in page


@pytest.mark.parametrize("damage", ["{", "{}", None])
def test_a_damaged_file_of_sensitivity_is_no_part_of_a_report(sense, project, damage):
    from prunepack.pipeline.release.sensitivity import read_sensitivity

    sense("--layers", "4")
    file = project / "artifacts" / "small" / "sensitivity.json"
    if damage is None:
        file.unlink()
    else:
        file.write_text(damage)
    assert read_sensitivity(file.parent, ()) is None


@pytest.mark.parametrize("pattern", ["first", "conv*", "22"])
@pytest.mark.usefixtures("project")
def test_an_unknown_layer(pattern):
    error = refuse("--layers", pattern)
    assert error.what == f"sensitivity.layers names no layer: `{pattern}`"
    assert error.expected == "the name of a prunable layer, or a glob over names"
    assert error.found == "`0`, `2`, `4`"


@pytest.mark.parametrize("method", ["n_m", "identity", "custom_from_mask"])
@pytest.mark.usefixtures("project")
def test_a_method_without_an_amount(method):
    error = refuse("--methods", method)
    assert error.what == f"`{method}` has no amount to vary"
    assert error.hint == "Choose other methods with sensitivity.methods"


@pytest.mark.usefixtures("project")
def test_a_recipe_without_data():
    text = Path("small.toml").read_text().replace('dataset = "net.py:blobs"\n', "")
    Path("small.toml").write_text(text)
    error = refuse()
    assert error.what == "there are no samples to measure sensitivity on"
    assert error.expected == "load.dataset, or your samples in verify.inputs"


@pytest.mark.usefixtures("project")
def test_a_metric_without_labels():
    extra = "\n[verify]\nmetric = 'accuracy'\n"
    text = Path("small.toml").read_text()
    text = text.replace("[prune]", "dataset_arguments = { labels = false }\n\n[prune]")
    Path("small.toml").write_text(text + extra)
    assert refuse().what == "`verify.metric` accuracy has no labelled samples"


def test_samples_without_labels_are_compared_with_the_dense_model(sense):
    measured, _ = sense("--set", "load.dataset_arguments={labels=false}")
    assert measured["dense"]["value"] == 1
    assert measured["metric"] == "cosine_to_dense"


def test_without_a_validation_split_the_samples_are_named(sense):
    measured, err = sense("--set", 'load.dataset_arguments={splits=["train","test"]}')
    assert measured["samples"] == "150 samples of the train split of net.py:blobs"
    assert "sensitivity is measured on the train split of net.py:blobs" in err
    measured, _ = sense("--split", "test")
    assert measured["samples"] == "150 samples of net.py:blobs"


@pytest.mark.usefixtures("project")
def test_a_split_that_is_missing():
    error = refuse("--split", "validation", "--set", 'load.dataset_arguments={splits=["test"]}')
    assert error.what == "there is no split `validation`"
    assert error.found == "`test`"


@pytest.mark.usefixtures("project")
def test_a_model_without_prunable_layers():
    text = Path("small.toml").read_text()
    text = text.replace("net.py:build", "net.py:frozen").replace('weights = "net.pth"\n', "")
    Path("small.toml").write_text(text)
    assert refuse().what == "the model has no weight that can be pruned"


@pytest.mark.usefixtures("project")
def test_a_recipe_that_prunes_nothing_gives_no_goal():
    text = Path("small.toml").read_text()
    text = text.replace('amount = 0.6\nschedule = "cubic"\nsteps = 2', 'method = "none"')
    Path("small.toml").write_text(text)
    error = refuse()
    assert error.what == "the recipe prunes nothing, so it gives no goal"
    assert error.hint == "Set sensitivity.goal, such as --goal sparsity=0.9"


@pytest.mark.usefixtures("project")
def test_a_model_in_an_onnx_file():
    error = refuse("--set", "load.model=model.onnx")
    assert error.what == "sensitivity needs a model in torch"


def test_a_store_that_cannot_be_used(project):
    (project / "artifacts").mkdir()
    (project / "artifacts" / ".store").write_text("a file")
    assert refuse().what == "`artifacts` cannot be used"


@pytest.mark.usefixtures("project")
def test_an_unknown_recipe():
    assert refuse(recipe="smal").what == "no built-in recipe is named `smal`"
