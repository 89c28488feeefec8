"""The last run of a recipe is remembered as far as it came, and two runs differ in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from prunepack.pipeline.cache.history import (
    Event,
    Recorder,
    Run,
    describe_differences,
    list_kept_digests,
    read_last_run,
    read_last_runs,
)
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.keys.material import Material

if TYPE_CHECKING:
    from pathlib import Path


def material(**changes: Any) -> Material:
    parts: dict[str, Any] = {
        "stage": "prune",
        "config": {"amount": 0.9, "rules": [{"layers": "*", "norm": 2}], "name": "é"},
        "inputs": {"model": "a" * 64},
        "code": {"stages/prune.py": "1", "stages/pruning/methods/n_m.py": "1"},
        "user": {},
        "tools": {"torch": "2.13.0"},
        "python": "3.11",
        "host": "",
    }
    return Material(**{**parts, **changes})


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


def record(store: Store, *events: Event, recipe: str = "lenet", fails: bool = False) -> Run:
    """Write down a run of ``events`` and read it back."""
    try:
        with Recorder(store, recipe) as recorder:
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
    assert found == Run(recipe="lenet", finished=True, events=(load, prune))
    assert repr(found.events[0].facts) == repr({"n": 1, "s": "1", "x": 1.0, "y": True})
    assert found.events[1].path == store.root / ".store/objects" / ("b" * 64)


def test_a_run_that_fails_is_known_as_far_as_it_came(store: Store) -> None:
    found = record(store, event(store, "load"), fails=True)
    assert (stages(found.events), found.finished) == ("load", False)


def test_a_run_that_goes_on_is_known_as_far_as_it_is(store: Store) -> None:
    with Recorder(store, "lenet") as recorder:
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
    assert Recorder(store, "lenet").previous == before
    assert Recorder(store, "other").previous == Run(recipe="other")


def test_what_did_not_happen_is_none() -> None:
    assert Run(recipe="lenet").find_event("load", 0) is None


def test_recipes_do_not_get_in_each_others_way(store: Store) -> None:
    names = ["lenet", "../lenet", "a/b", ".", "..", "é ü"]
    for number, name in enumerate(names):
        record(store, event(store, "load", str(number)), recipe=name)
    found = {name: read_last_run(store.root, name).events[0].digest[0] for name in names}
    assert found == {name: str(number) for number, name in enumerate(names)}
    assert {run.recipe for run in read_last_runs(store.root)} == set(names)
    assert len(list((store.folder / "runs").iterdir())) == len(names)


def test_nothing_is_known_where_nothing_ran(tmp_path: Path) -> None:
    assert read_last_run(tmp_path / "nowhere", "lenet") == Run(recipe="lenet")
    assert read_last_runs(tmp_path / "nowhere") == []
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
def test_a_damaged_history_is_an_absent_one(store: Store, content: bytes) -> None:
    record(store, event(store, "load"))
    (store.runs / "lenet.json").write_bytes(content)
    assert read_last_run(store.root, "lenet") == Run(recipe="lenet")
    assert list_kept_digests(store.root) == frozenset()


def test_a_history_that_leads_out_of_the_store_is_absent(store: Store) -> None:
    record(store, event(store, "load"))
    file = store.runs / "lenet.json"
    file.write_text(file.read_text().replace("a" * 64, "../../../../etc"))
    assert read_last_run(store.root, "lenet").events == ()


def test_what_all_last_runs_made_is_kept(store: Store) -> None:
    record(store, event(store, "load", "0"), event(store, "prune", "1"))
    record(store, event(store, "load", "2"), fails=True)
    record(store, event(store, "load", "3"), recipe="other")
    assert list_kept_digests(store.root) == {digit * 64 for digit in "123"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"config": {"amount": 0.95}}, ["config.amount: 0.9 → 0.95"]),
        ({"config": {"amount": 1}}, ["config.amount: 0.9 → 1"]),
        ({"config": {"name": "ü"}}, ['config.name: "é" → "ü"']),
        ({"config": {"new": True}}, ["config.new: null → true"]),
        (
            {"config": {"rules": [{"layers": "fc", "norm": 2.0}]}},
            ['config.rules[0].layers: "*" → "fc"', "config.rules[0].norm: 2 → 2.0"],
        ),
        (
            {"config": {"rules": []}},
            ['config.rules: [{"layers": "*", "norm": 2}] → []'],
        ),
        (
            {"config": {"name": "x" * 50}},
            [f'config.name: "é" → "{"x" * 38}…'],
        ),
        ({"inputs": {"model": "b" * 64}}, ["input model changed"]),
        (
            {"code": {"stages/prune.py": "1", "stages/pruning/methods/n_m.py": "2"}},
            ["stages/pruning/methods/n_m.py changed"],
        ),
        (
            {"code": {"stages/prune.py": "1", "stages/pruning/methods/new.py": "2"}},
            ["stages/pruning/methods/n_m.py is gone", "stages/pruning/methods/new.py is new"],
        ),
        ({"user": {"hook.py:f": "1"}}, ["hook.py:f is new"]),
        (
            {"user": dict.fromkeys("abcde", "1")},
            ["a is new", "b is new", "c is new", "2 more files changed"],
        ),
        ({"tools": {"torch": "2.14.0"}}, ["torch 2.13.0 → 2.14.0"]),
        ({"tools": {}}, ["torch 2.13.0 → (none)"]),
        ({"python": "3.12"}, ["Python 3.11 → 3.12"]),
        ({"host": "elsewhere"}, ["machine:  → elsewhere"]),
    ],
)
def test_differences_are_said_in_words(changes: dict[str, Any], said: list[str]) -> None:
    old = material()
    config = {"config": {**old.config, **changes["config"]}} if "config" in changes else {}
    assert describe_differences(old, material(**{**changes, **config})) == said
