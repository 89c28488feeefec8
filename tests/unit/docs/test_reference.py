"""The generated reference: complete, current, and valid for the built-in recipes."""

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import reference
import reference_zoo
from jsonschema import Draft202012Validator

from prunepack.pipeline.cli import COMMANDS
from prunepack.pipeline.plan import Plan
from prunepack.stages.metrics.catalog import CATALOG
from prunepack.stages.reporting.built_in_checks import BUILT_IN_CHECKS
from tests.zoo.expectations import Expectation, Refusal

ROOT = Path(__file__).resolve().parents[3]
RECIPES = sorted((ROOT / "pipeline" / "recipes").glob("*.toml"))


def kind(**expectation):
    return SimpleNamespace(
        **{"name": "net", "PASSES": Expectation(), "REFUSED": None} | expectation
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    assert reference.main([], folder) == 0
    return folder


def test_every_key_of_a_recipe_is_in_its_page(pages):
    text = (pages / "recipe.md").read_text()
    for stage, field in Plan.model_fields.items():
        section = text.split(f"## Table `[{stage}]`\n")[1].split("\n## ")[0]
        for key, value in field.annotation.model_fields.items():
            assert f"| `{key}` | " in section
            assert (value.description or "?").splitlines()[0].replace("*", "\\*") in section


def test_the_schema_accepts_the_built_in_recipes(pages):
    schema = json.loads((pages / "recipe.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert RECIPES
    for path in RECIPES:
        Draft202012Validator(schema).validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "recipe",
    ["[prune]\namout = 0.9\n", "[prunes]\n", "[finetune]\nepochs = -1\n", '[gate]\nlimits = "a"\n'],
)
def test_the_schema_refuses_mistakes(pages, recipe):
    schema = json.loads((pages / "recipe.schema.json").read_text())
    assert not Draft202012Validator(schema).is_valid(tomllib.loads(recipe))


def test_every_command_is_in_its_page(pages):
    text = (pages / "commands.md").read_text()
    for name in (name for group in COMMANDS.values() for name in group):
        section = text.split(f"## `prunepack {name}`\n")[1].split("\n## ")[0]
        assert f"Usage: prunepack {name}" in section
        assert f"Example: prunepack {name}" in section


def test_every_metric_is_in_its_page(pages):
    text = (pages / "metrics.md").read_text()
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert rows.keys() == {row.name for row in CATALOG}
    for row in CATALOG:
        assert rows[row.name].startswith(f"| `{row.name}` | {row.unit or '–'} | ")
        assert rows[row.name].endswith(f" | {row.meaning} |")
    assert " | lower | -100 to 100 | " in rows["accuracy.drop"]
    assert " | – | any | " in rows["metric.artifact"]


def test_every_built_in_check_is_in_its_page(pages):
    text = (pages / "checks.md").read_text()
    for check in BUILT_IN_CHECKS:
        assert f"| `{check.limit}` | {check.compares} | {check.why} | {check.hint} |" in text


def test_a_stale_page_is_reported(pages, capsys):
    assert reference.main(["--check"], pages) == 0
    page = pages / "metrics.md"
    page.write_text(page.read_text() + "More.\n")
    assert reference.main(["--check"], pages) == 1
    assert capsys.readouterr().err == (
        "error: stale pages in docs/reference: metrics.md\n"
        "hint: Run `python docs/scripts/reference.py`\n"
    )


def test_every_kind_of_the_zoo_is_in_its_page(pages):
    text = (pages / "zoo.md").read_text()
    kinds = list((ROOT / "tests" / "zoo" / "kinds").glob("*.py"))
    assert text.count("\n| ") == len(kinds) + len(reference_zoo.GROUPS)
    assert f"{len(kinds)} kinds: " in text


@pytest.mark.parametrize(
    ("project", "outcome"),
    [
        (kind(), "passes"),
        (kind(PASSES=Expectation(code=1)), "runs; its gate fails, as it should"),
        (kind(REFUSED=Refusal("`{here}:f` is odd", None)), "refused: `net.py:f` is odd"),
    ],
)
def test_outcome_of_a_kind(project, outcome):
    assert reference_zoo._describe_outcome(project) == outcome
