"""JSON of views: it tells what the console tells."""

from pathlib import Path

import pytest

from prunepack.pipeline.cli.views.search import findings_to_json, format_findings
from prunepack.pipeline.cli.views.sensitivity import format_sensitivity, sensitivity_to_json
from tests.unit.pipeline.search.finished import MIXED, find, finish
from tests.unit.stages.reporting.sensitivity_records import make_sensitivity

FILES = [Path("artifacts/x/search.json")]


@pytest.mark.parametrize(("drop", "count"), [(44, 0), (60, 2)])
def test_the_cautions_of_a_sensitivity(drop, count):
    measured = make_sensitivity(drop=drop)
    cautions = sensitivity_to_json(measured, FILES)["cautions"]
    assert len(cautions) == count
    text = format_sensitivity(measured, FILES)
    assert [line for line in text.splitlines() if line.startswith("caution: ")] == [
        f"caution: {caution}" for caution in cautions
    ]


@pytest.mark.parametrize(
    ("findings", "command"),
    [(MIXED, "prunepack search lenet --take 1"), (find(finish(90, 100, 1.0)), None)],
)
def test_the_next_command_of_a_search(findings, command):
    facts = findings_to_json(findings, FILES)
    assert facts["take"] == command
    assert facts["files"] == {"search.json": str(FILES[0])}
    text = format_findings(findings, FILES)
    assert facts["summary"] in text
    assert command is None or command in text
    assert facts.items() >= findings.to_json().items()


@pytest.mark.parametrize("columns", [60, 100, 400])
def test_names_of_layers_have_lines_of_their_own_in_a_narrow_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    name = "encoder.layers.11.attention.self.query.weight"
    lines = format_sensitivity(make_sensitivity(name=name), []).splitlines()
    (at,) = [index for index, line in enumerate(lines) if line.startswith(f"{name}0")]
    values = "0.01±0.40"
    if columns == 400:
        assert values in lines[at]
    else:
        assert lines[at] == f"{name}0, l1_unstructured, 1,000 weights"
        assert lines[at + 1].startswith(values)
