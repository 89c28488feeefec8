"""Recipe of a checkpoint that is run without one: its tables, its text, its errors."""

import tomllib

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.cli.weights_recipe import describe_weights
from prunepack.pipeline.recipe import make_recipe, read_recipe
from prunepack.pipeline.recipe_text import format_recipe


def test_the_text_is_the_recipe():
    inputs = ["name=x,shape=3x8x8", 'name=i"d,dtype=int64']
    tables = describe_weights("a b.pth", "net.py:build", inputs)
    assert tables == {
        "load": {
            "model": "net.py:build",
            "weights": "a b.pth",
            "inputs": [
                {"name": "x", "shape": [3, 8, 8]},
                {"name": 'i"d', "dtype": "int64"},
            ],
        }
    }
    tables["load"]["arguments"] = {"wide": True, "widths": [1, 2.5]}
    assert tomllib.loads(format_recipe(tables)) == tables


def test_a_folder_is_its_own_model(tmp_path):
    tables = describe_weights(str(tmp_path), None, ["name=x"])
    assert tables["load"] == {"model": str(tmp_path), "inputs": [{"name": "x"}]}


def test_settings_come_on_top():
    tables = describe_weights("w.pth", "net.py:build", ["name=x,shape=8"])
    recipe = make_recipe("w", "w.pth", tables, ["prune.amount=0.5"])
    assert (recipe.name, recipe.plan.prune.amount) == ("w", 0.5)
    assert recipe.plan.load.inputs[0].shape == (8,)


def test_inputs_without_a_model():
    with pytest.raises(UsageError) as caught:
        describe_weights("w.pth", None, ["name=x"])
    error = caught.value
    assert error.what == "--inputs has no model"
    assert error.expected == "--model with your factory, such as net.py:build"
    assert error.found == "`w.pth` alone"
    assert error.hint == "Add --model, or put the inputs into the recipe"


def test_an_input_that_is_not_valid():
    with pytest.raises(UsageError) as caught:
        describe_weights("w.pth", "net.py:build", ["name=x,shap=8"])
    error = caught.value
    assert error.what == "--inputs name=x,shap=8 has 1 problem"
    assert error.found == "shap: no such setting. Did you mean `shape`?"


@pytest.mark.parametrize(
    ("name", "found"), [("w.pth", ".pth"), ("w", "a file without an ending"), ("d", "a folder")]
)
def test_a_checkpoint_in_place_of_a_recipe(tmp_path, monkeypatch, name, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir() if found == "a folder" else (tmp_path / name).touch()
    with pytest.raises(UsageError) as caught:
        read_recipe(name)
    error = caught.value
    assert error.what == f"`{name}` is not a recipe"
    assert error.expected == "a .toml file, or --model for weights without a recipe"
    assert error.found == found
    assert error.hint == "Add --model net.py:build --inputs name=x,shape=3x224x224"
