"""Runs are kept by number, and the last one of a recipe is known as far as it came."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.views.runs import format_runs
from prunepack.pipeline.runs.event import Event
from prunepack.pipeline.runs.recorder import Recorder
from prunepack.pipeline.runs.releases import claim_release, locate_source, name_release
from prunepack.pipeline.runs.run import Run, RunHead
from prunepack.pipeline.runs.run_files import (
    claim_number,
    delete_run,
    find_number,
    find_run,
    list_kept_digests,
    list_old_runs,
    read_last_run,
    read_runs,
)
from prunepack.pipeline.runs.wording import describe_outcome
from tests.unit.pipeline.runs.materials import material

if TYPE_CHECKING:
    from pathlib import Path


def event(store: Store, stage: str, digest: str = "a", **changes: Any) -> Event:
    made_of = material(stage=stage)
    parts: dict[str, Any] = {
        "stage": stage,
        "key": made_of.key,
        "digest": digest * 64,
        "reused": False,
        "seconds": 1.5,
        "facts": {"n": 1, "x": 1.0, "y": True, "s": "1"},
        "why": "first run",
        "material": made_of,
        "path": store.path(digest * 64),
    }
    return Event(**{**parts, **changes})


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path) as opened:
        yield opened


def record(
    store: Store, *events: Event, recipe: str = "lenet", fails: bool = False, **head: Any
) -> Run:
    """Write down a run of ``events`` and read it back."""
    try:
        with Recorder(store, RunHead(recipe=recipe, **head)) as recorder:
            for one in events:
                recorder.add(one)
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    return read_last_run(store.root, recipe)


def stages(events: tuple[Event, ...]) -> str:
    return " ".join(one.stage for one in events)


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    load, prune = event(store, "load"), event(store, "prune", "b", reused=True, recorded=False)
    found = record(store, load, prune)
    assert datetime.fromisoformat(found.started).utcoffset() == timedelta(0)
    assert found == Run(
        recipe="lenet", number=1, started=found.started, finished=True, events=(load, prune)
    )
    assert repr(found.events[0].facts) == repr({"n": 1, "s": "1", "x": 1.0, "y": True})
    assert found.events[1].path == store.root / ".store/objects" / ("b" * 64)


def test_a_run_that_fails_is_known_as_far_as_it_came(store: Store) -> None:
    found = record(store, event(store, "load"), fails=True)
    assert (stages(found.events), found.finished) == ("load", False)


def test_a_run_that_stops_as_asked_is_told_from_one_that_failed(store: Store) -> None:
    record(store, event(store, "load"), event(store, "prune"))
    with Recorder(store, RunHead(recipe="lenet")) as recorder:
        recorder.add(event(store, "load", "a"))
        recorder.stop()
    found = read_last_run(store.root, "lenet")
    assert (found.finished, found.stopped, stages(found.earlier)) == (False, True, "prune")
    assert describe_outcome(found) == "stopped after load"
    failed = record(store, event(store, "load", "b"), fails=True)
    assert describe_outcome(failed) == "did not finish: load was its last stage"


def test_a_run_that_goes_on_is_known_as_far_as_it_is(store: Store) -> None:
    with Recorder(store, RunHead(recipe="lenet")) as recorder:
        recorder.add(event(store, "load"))
        assert stages(read_last_run(store.root, "lenet").events) == "load"
        recorder.add(event(store, "prune"))
        assert stages(read_last_run(store.root, "lenet").events) == "load prune"


def test_a_run_that_fails_at_once_leaves_the_last_one(store: Store) -> None:
    before = record(store, event(store, "load"))
    assert record(store, fails=True) == before


def test_a_failed_run_keeps_what_the_one_before_did_in_the_stages_it_did_not_reach(
    store: Store,
) -> None:
    names = ["load", "prune", "finetune", "prune", "finetune"]
    record(store, *(event(store, name, str(n)) for n, name in enumerate(names)))
    found = record(store, event(store, "load", "a"), event(store, "prune", "b"), fails=True)
    assert (stages(found.events), stages(found.earlier)) == (
        "load prune",
        "finetune prune finetune",
    )
    digests = [
        found.find_event(*at).digest[0] for at in (("prune", 0), ("prune", 1), ("finetune", 0))
    ]
    assert digests == ["b", "3", "2"]
    again = record(store, event(store, "load", "c"), fails=True)
    assert stages(again.earlier) == "prune finetune prune finetune"
    assert [again.find_event("prune", n).digest[0] for n in (0, 1)] == ["b", "3"]


def test_a_finished_run_forgets_what_it_no_longer_does(store: Store) -> None:
    record(store, event(store, "load"), event(store, "prune"))
    found = record(store, event(store, "load"))
    assert (stages(found.events), found.earlier) == ("load", ())


def test_the_recorder_knows_the_run_before(store: Store) -> None:
    before = record(store, event(store, "load"))
    assert Recorder(store, RunHead(recipe="lenet")).previous == before
    assert Recorder(store, RunHead(recipe="other")).previous == Run(recipe="other")


def test_what_did_not_happen_is_none() -> None:
    assert Run(recipe="lenet").find_event("load", 0) is None


def test_recipes_do_not_get_in_each_others_way(store: Store) -> None:
    names = ["lenet", "../lenet", "a/b", ".", "..", "é ü"]
    for number, name in enumerate(names):
        record(store, event(store, "load", str(number)), recipe=name)
    found = {name: read_last_run(store.root, name).events[0].digest[0] for name in names}
    assert found == {name: str(number) for number, name in enumerate(names)}
    assert [run.recipe for run in read_runs(store.root)] == names
    assert len(list((store.folder / "runs").iterdir())) == len(names)


def test_nothing_is_known_where_nothing_ran(tmp_path: Path) -> None:
    assert read_last_run(tmp_path / "nowhere", "lenet") == Run(recipe="lenet")
    assert read_runs(tmp_path / "nowhere") == []
    assert list_kept_digests(tmp_path / "nowhere") == frozenset()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"events": 1, "earlier": []}',
        b'{"events": [{}], "earlier": []}',
    ],
)
def test_a_damaged_history_is_an_absent_one(
    store: Store, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    record(store, event(store, "load"))
    (store.runs / "1/lenet.json").write_bytes(content)
    assert read_last_run(store.root, "lenet") == Run(recipe="lenet")
    assert list_kept_digests(store.root) == frozenset()
    assert "run 1 is left out: its record" in caplog.text


def damage(store: Store, kind: str) -> None:
    """Make the record of run 1 one that cannot be read."""
    file = store.runs / "1/lenet.json"
    content = file.read_text()
    file.unlink()
    if kind == "folder":
        file.mkdir()
    elif kind == "no folder":
        file.parent.rmdir()
        file.parent.write_text("")
    elif kind == "number":
        file.write_text(content.replace('"number":1', '"number":7'))
    else:
        changes = {
            "cut": content[:-9],
            "newer": content.replace("{", '{"later":1,', 1),
            "empty": "",
        }
        file.write_text(changes[kind])


@pytest.mark.parametrize("kind", ["cut", "newer", "empty", "folder", "no folder", "number"])
def test_a_damaged_record_is_named_and_can_be_deleted(store: Store, kind: str) -> None:
    record(store, event(store, "load"))
    record(store, event(store, "load", "b"))
    damage(store, kind)
    assert numbers(read_runs(store.root)) == [2]
    with pytest.raises(RefusedError, match="the record of run 1 cannot be read") as refused:
        find_run(store.root, "1")
    assert refused.value.hint == "Delete it by `prunepack rm 1`"
    kept = {digit * 64 for digit in ("ab" if kind in {"cut", "newer"} else "b")}
    assert kept <= list_kept_digests(store.root), "a newer version may read it"
    assert find_number(store.root, "1") == 1
    delete_run(store.root, 1)
    assert find_run(store.root, "lenet").number == 2
    with pytest.raises(UsageError, match="is called `1`"):
        find_number(store.root, "1")


def test_a_history_that_leads_out_of_the_store_is_absent(store: Store) -> None:
    record(store, event(store, "load"))
    file = store.runs / "1/lenet.json"
    file.write_text(file.read_text().replace("a" * 64, "../../../../etc"))
    assert read_last_run(store.root, "lenet").events == ()


def test_what_all_runs_made_is_kept(store: Store) -> None:
    record(store, event(store, "load", "0"), event(store, "prune", "1"))
    record(store, event(store, "load", "2"), fails=True)
    record(store, event(store, "load", "3"), recipe="other")
    assert list_kept_digests(store.root) == {digit * 64 for digit in "0123"}
    delete_run(store.root, 1)
    assert list_kept_digests(store.root) == {digit * 64 for digit in "123"}  # 1: not reached by 2


def numbers(runs: list[Run]) -> list[int]:
    return [run.number for run in runs]


def test_runs_are_numbered_over_all_recipes(store: Store) -> None:
    found = [
        record(store, event(store, "load", digit), recipe=recipe).number
        for digit, recipe in (("0", "a"), ("1", "b"), ("2", "a"))
    ]
    assert (found, numbers(read_runs(store.root))) == ([1, 2, 3], [1, 2, 3])


def test_a_run_with_nothing_to_do_is_the_run_before(store: Store) -> None:
    first = record(store, event(store, "load"), settings=("a.b=1",))
    again = record(store, event(store, "load", reused=True), settings=("a.b=1",))
    assert (again.number, again.events[0].reused, again.started >= first.started) == (1, True, True)
    assert numbers(read_runs(store.root)) == [1]


@pytest.mark.parametrize(
    "other",
    [
        {"settings": ("a.b=2",)},
        {"plan": {"prune": {"amount": 0.5}}},
        {"name": "mine"},
        {"recipe": "other"},
        {"fails": True},
    ],
)
def test_other_choices_are_another_run(store: Store, other: dict[str, Any]) -> None:
    record(store, event(store, "load"))
    assert record(store, event(store, "load"), **other).number == 2
    assert numbers(read_runs(store.root)) == [1, 2]


def test_other_results_are_another_run(store: Store) -> None:
    record(store, event(store, "load"))
    assert record(store, event(store, "load", "b")).number == 2
    assert record(store, event(store, "load", "b"), event(store, "prune", "b")).number == 3


def test_a_run_after_one_that_failed_is_another_run(store: Store) -> None:
    record(store, event(store, "load"), fails=True)
    assert record(store, event(store, "load")).number == 2


def test_a_number_is_given_once(store: Store) -> None:
    (store.runs / "7").mkdir()
    (store.runs / "no number").mkdir()
    assert [claim_number(store.runs) for _ in range(3)] == [8, 9, 10]


def test_a_run_by_number_name_and_recipe(store: Store) -> None:
    for digit, recipe, name in (("0", "a", "x"), ("1", "b", ""), ("2", "a", "x"), ("3", "b", "y")):
        record(store, event(store, "load", digit), recipe=recipe, name=name)
    wanted = ("1", "x", "a", "b", "y", "3")
    assert [find_run(store.root, word).number for word in wanted] == [1, 3, 3, 4, 4, 3]
    with pytest.raises(UsageError) as caught:
        find_run(store.root, "z")
    assert str(caught.value) == (
        f"no run in `{store.root}` is called `z`: expected the number or the name of a run, or a "
        "recipe. List the runs by `prunepack ls`"
    )
    with pytest.raises(UsageError, match="is called ``"):  # not a run without a name
        find_run(store.root, "")


def test_no_runs_of_one_recipe_are_not_no_runs() -> None:
    assert format_runs([]) == "no runs are kept; `prunepack run lenet` makes one"
    assert format_runs([], "x y").startswith("no runs of `x y` are kept; ")


def test_old_runs_are_all_but_the_newest_and_the_last_of_each_recipe(store: Store) -> None:
    for digit, recipe in zip("01234", "abaaa", strict=True):
        record(store, event(store, "load", digit), recipe=recipe)
    counts = {keep: numbers(list_old_runs(store.root, keep)) for keep in (0, 1, 2, 4, 9)}
    assert counts == {0: [1, 3, 4], 1: [1, 3, 4], 2: [1, 3], 4: [1], 9: []}


def test_recipes_of_one_file_name_have_releases_of_their_own(store: Store) -> None:
    sources = ["lenet", "../lenet.toml", "../other/lenet.toml", "../lenet.toml", "lenet"]
    found = []
    for number, source in enumerate(sources):
        found.append(name_release(store.root, "lenet", source))
        record(store, event(store, "load", str(number)), recipe=found[-1], source=source)
    assert found == ["lenet", "lenet-2", "lenet-3", "lenet-2", "lenet"]


def test_files_of_no_run_keep_their_release(store: Store) -> None:
    sources = ["../a/net.toml", "../b/net.toml", "../a/net.toml", "net"]
    assert [claim_release(store.root, "net", source) for source in sources] == [
        "net",
        "net-2",
        "net",
        "net-3",
    ]
    assert name_release(store.root, "net", "../b/net.toml") == "net-2"
    record(store, event(store, "load"), recipe="net-4", source="../c/net.toml")
    assert claim_release(store.root, "net", "../d/net.toml") == "net-5"


def test_a_claim_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / ".store").write_text("")
    with pytest.raises(UsageError, match="releases"):
        claim_release(tmp_path, "net", "net")


def test_the_source_of_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "artifacts"
    sources = ["lenet", "lenet.toml", "a/lenet.toml", str(tmp_path / "lenet.toml"), "../x.onnx"]
    found = [locate_source(source, root) for source in sources]
    assert found == ["lenet", "../lenet.toml", "../a/lenet.toml", "../lenet.toml", "../../x.onnx"]
