"""Registries: a new entry is a new file."""

import sys

import pytest

import prunepack.stages.models.builtin
from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import Registry, suggest_name
from prunepack.stages.models.builtin import MODELS


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A registry over a package of two modules; one cannot be imported."""
    package = tmp_path / "shelf_of_tests"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "spoon.py").write_text("TOOL = 'a spoon'\n")
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("tool", "shelf_of_tests", "TOOL")
    for name in [name for name in sys.modules if name.startswith("shelf_of_tests")]:
        del sys.modules[name]


def test_an_entry_is_the_value_in_the_module_of_its_name(shelf):
    assert shelf["spoon"] == "a spoon"


def test_listing_the_names_imports_none(shelf):
    assert shelf.names() == ["broken", "spoon"]
    assert "broken" in shelf
    assert "fork" not in shelf
    assert 7 not in shelf


def test_a_name_that_is_nearly_right(shelf, says):
    with says(UsageError, "no tool is named `spon`. Did you mean `spoon`?"):
        shelf["spon"]


def test_a_name_that_is_nothing_like_any(shelf, says):
    with says(UsageError, "no tool is named `x`. Choose among: broken, spoon"):
        shelf.check("x")


def test_check_returns_the_name(shelf):
    assert shelf.check("spoon") == "spoon"


def test_near_prefers_the_closest():
    assert suggest_name("lenet30", ["lenet5", "lenet300", "lenet"]) == "Did you mean `lenet300`?"


def test_a_model_of_ones_own_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "small_one.py").write_text("MODEL = 'small'\n")
    monkeypatch.setattr(
        prunepack.stages.models.builtin,
        "__path__",
        [*prunepack.stages.models.builtin.__path__, str(tmp_path)],
    )
    assert MODELS["small_one"] == "small"
    assert {"lenet", "lenet5", "lenet300", "small_one"} <= set(MODELS.names())
    del sys.modules["prunepack.stages.models.builtin.small_one"]
