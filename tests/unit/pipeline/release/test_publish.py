"""Published files: copies of the newest outputs, and a report with the lineage of its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import prunepack.stages.reporting.report
from prunepack.errors import RefusedError, UsageError
from prunepack.io.digests import hash_file
from prunepack.pipeline.keys.material import Material
from prunepack.pipeline.release.lineage import make_provenance, read_stage_results
from prunepack.pipeline.release.publish import publish
from prunepack.pipeline.runs.event import Event
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.report import make_report
from prunepack.stages.reporting.settings import GateSettings
from prunepack.stages.reporting.writers import FILES, write_report

SCHEMA = json.loads(
    Path(prunepack.stages.reporting.report.__file__).with_name("report.schema.json").read_bytes()
)


def event(stage: str, path: Path, **changes: Any) -> Event:
    parts: dict[str, Any] = {
        "stage": stage,
        "config": {"weights": "/home/someone/net.pth"},
        "inputs": {"model": "a" * 64},
        "code": {"stages/x.py": "1"},
        "user": {"/home/someone/net.pth": "2"},
        "tools": {"torch": "2.13.0"},
        "python": "3.11",
        "host": "a machine",
    }
    made_of = Material(**{**parts, **changes})
    return Event(
        stage=stage,
        key=made_of.key,
        digest=path.name[0] * 64,
        reused=False,
        seconds=1.0,
        facts={"summary": "done"},
        why="first run",
        material=made_of,
        path=path,
        files={file.name: hash_file(file) for file in path.glob("*")},
    )


@pytest.fixture
def events(tmp_path: Path) -> list[Event]:
    """A run that packed and judged."""
    packed, judged = tmp_path / "b", tmp_path / "c"
    packed.mkdir()
    judged.mkdir()
    (packed / "model.prunepack").write_bytes(b"packed")
    write_report(make_report((), {"x": Metric(1)}, {}, "a machine", GateSettings()), judged)
    return [event("pack", packed), event("gate", judged)]


def test_results_are_copied(events: list[Event], tmp_path: Path) -> None:
    published = publish(events, tmp_path / "artifacts/mine")
    assert {path.name for path in published} == {"model.prunepack", *FILES}
    assert all(path.is_file() for path in published)
    for name in set(FILES) - {"report.json", "report.html"}:
        copy = tmp_path / "artifacts/mine" / name
        assert copy.read_bytes() == (tmp_path / "c" / name).read_bytes()


def test_the_report_says_which_run_it_is_of(events: list[Event], tmp_path: Path) -> None:
    publish(events, tmp_path / "mine")
    content = json.loads((tmp_path / "mine/report.json").read_bytes())
    assert content.pop("provenance") == make_provenance("mine", events)
    assert content.pop("notes") == []
    assert content.pop("files") == {
        name: hash_file(tmp_path / "mine" / name)
        for name in ("model.prunepack", *FILES)
        if name != "report.json"
    }
    assert content["details"].pop("recipe") == "mine"
    judged = json.loads((tmp_path / "c/report.json").read_bytes())
    assert judged["details"].pop("recipe") == ""
    assert content == judged
    content["details"]["recipe"] = "mine"
    Draft202012Validator(SCHEMA).validate(content | {"provenance": make_provenance("mine", events)})


def test_a_published_report_stays_until_something_of_it_changes(
    events: list[Event], tmp_path: Path
) -> None:
    release = tmp_path / "mine"
    publish(events, release)
    made = {name: (release / name).stat().st_mtime_ns for name in FILES}
    content = {name: (release / name).read_bytes() for name in FILES}

    def list_rewritten(these: list[Event]) -> set[str]:
        publish(these, release)
        return {name for name in FILES if (release / name).stat().st_mtime_ns != made[name]}

    assert list_rewritten(events) == set()
    (release / "report.html").write_text("another page")
    publish(events, release)
    assert (release / "report.html").read_bytes() == content["report.html"]
    (release / "plots.json").unlink()
    publish(events, release)
    assert {name: (release / name).read_bytes() for name in FILES} == content
    (release / "report.json").write_text("[]")
    publish(events, release)
    assert {name: (release / name).read_bytes() for name in FILES} == content
    noted = [events[0].model_copy(update={"notes": ("a note",)}), events[1]]
    assert list_rewritten(noted) == set(FILES)
    assert "a note" in (release / "report.html").read_text("utf-8")


def test_the_report_holds_the_rounds_that_measured_scores(
    events: list[Event], tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    some = event("prune", tmp_path / "d")
    facts: list[tuple[str, dict[str, Any]]] = [
        ("prune", {"sparsity": 0.5}),
        ("finetune", {"summary": "1 → 2", "before": 90.5, "after": 97.0, "unit": "%"}),
        ("prune", {"sparsity": 0.75}),
        ("finetune", {"summary": "skipped (0 epochs)"}),
        ("prune", {"summary": "of an ONNX model"}),
        ("finetune", {"before": 1.0, "after": 0.5, "unit": ""}),
        ("prune", {"sparsity": 0.9}),
        ("finetune", {"before": 1.5, "after": 0.25, "unit": ""}),
    ]
    rounds = [some.model_copy(update={"stage": name, "facts": each}) for name, each in facts]
    publish([*rounds, *events], tmp_path / "mine")
    content = json.loads((tmp_path / "mine/report.json").read_bytes())
    assert content["details"]["rounds"] == [
        {"sparsity": 50.0, "before": 90.5, "after": 97.0, "unit": "%"},
        {"sparsity": 90.0, "before": 1.5, "after": 0.25, "unit": ""},
    ]
    Draft202012Validator(SCHEMA).validate(content)


def test_the_report_holds_the_notes_of_all_stages(events: list[Event], tmp_path: Path) -> None:
    noted = events[0].model_copy(update={"notes": ("the prefix `module.` was removed",)})
    publish([noted, *events[1:]], tmp_path / "mine")
    content = json.loads((tmp_path / "mine/report.json").read_bytes())
    assert content["notes"] == [{"stage": "pack", "text": "the prefix `module.` was removed"}]
    Draft202012Validator(SCHEMA).validate(content)
    page = (tmp_path / "mine/report.md").read_text()
    assert "## Notes\n\n- pack: the prefix `module.` was removed\n" in page


@pytest.mark.parametrize("name", ["b/model.prunepack", "c/report.json"])
def test_a_stored_file_that_changed_is_not_published(
    name: str, events: list[Event], tmp_path: Path
) -> None:
    """The stored file is another one than the stage made, which its time does not show."""
    made = hash_file(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RefusedError) as error:
        publish(events, tmp_path / "mine")
    stage = {"b": "pack", "c": "gate"}[name[0]]
    assert str(error.value) == (
        f"`{tmp_path / name}` is not the file that {stage} made: expected {made[:12]}…, "
        f"found {hash_file(tmp_path / name)[:12]}…. Run the recipe again with --force {stage}"
    )
    assert not (tmp_path / "mine" / Path(name).name).exists()


def test_only_files_that_a_stage_made_are_published(events: list[Event], tmp_path: Path) -> None:
    (tmp_path / "b/model.onnx").write_bytes(b"dropped into the store")
    exported = event("export", tmp_path / "b").model_copy(update={"files": {}})
    publish([exported, *events], tmp_path / "mine")
    assert not (tmp_path / "mine/model.onnx").exists()


def test_what_this_run_did_not_make_goes(events: list[Event], tmp_path: Path) -> None:
    publish(events, tmp_path / "mine")
    (tmp_path / "mine/kept.txt").write_text("the user's")
    publish(events[:1], tmp_path / "mine")
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"model.prunepack", "kept.txt"}


def test_a_folder_that_cannot_be_written_to(events: list[Event], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file")
    with pytest.raises(UsageError, match="cannot be used: expected a folder that can be written"):
        publish(events, tmp_path / "mine")


def test_the_lineage_tells_digests_and_versions_and_no_path(events: list[Event]) -> None:
    found = make_provenance("mine", events)
    assert [stage["stage"] for stage in found["stages"]] == ["pack", "gate"]
    first = found["stages"][0]
    assert (first["key"], first["result"]) == (events[0].key, "b" * 64)
    assert first["inputs"] == {"model": "a" * 64}
    assert first["tools"] == {"torch": "2.13.0", "python": "3.11"}
    assert "someone" not in json.dumps(found)


@pytest.mark.parametrize("part", ["config", "code", "user", "inputs", "tools"])
def test_the_lineage_tells_any_change(part: str, tmp_path: Path) -> None:
    before, after = (
        make_provenance("mine", [event("pack", tmp_path / "b", **{part: {"x": n}})]) for n in "12"
    )
    assert before["stages"][0][part] != after["stages"][0][part]
    assert (before["recipe"] != after["recipe"]) == (part == "config")


def test_the_last_result_of_a_stage_counts(tmp_path: Path) -> None:
    events = [event("prune", tmp_path / name) for name in "abc"]
    assert read_stage_results(make_provenance("mine", events)) == {"prune": "c" * 64}


@pytest.mark.parametrize("provenance", [None, 7, {}, {"stages": 7}, {"stages": [7, {"result": 7}]}])
def test_what_says_no_result(provenance: Any) -> None:
    assert read_stage_results(provenance) == {}
