"""Last run of each recipe, and the differences between two runs in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from prunepack.format import canonical_json
from prunepack.pipeline.cache.objects import Digest
from prunepack.pipeline.cache.store import Fact
from prunepack.pipeline.keys.material import Material

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from prunepack.pipeline.cache.store import Store

__all__ = [
    "Event",
    "Recorder",
    "Run",
    "describe_differences",
    "list_kept_digests",
    "read_last_run",
    "read_last_runs",
]


class Event(BaseModel):
    """One stage of a run: built or reused, and why.

    Attributes:
        stage: The stage's name.
        key: The SHA-256 of ``material``.
        digest: The digest of the result.
        reused: Whether the result was there already.
        recorded: Whether later runs may reuse it: not if its code closure changed under way.
        seconds: How long it took in this run.
        facts: The facts that the stage returned.
        notes: Assumptions that the stage made.
        why: Why it ran or was reused, for a person.
        material: The parts of the key.
        path: The folder of the result.
        files: The SHA-256 of each file in it; empty in an event of an earlier run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    key: str
    digest: Digest
    reused: bool
    recorded: bool = True
    seconds: float
    facts: dict[str, Fact]
    notes: tuple[str, ...] = ()
    why: str
    material: Material
    path: Path = Field(exclude=True)
    files: dict[str, Digest] = Field({}, exclude=True)


class Run(BaseModel):
    """One run of a recipe.

    Attributes:
        recipe: The recipe's name.
        finished: Whether it reached its end; if not, it failed, was stopped or is not over.
        events: The finished stages, in order.
        earlier: The events of earlier runs for the stages that this run did not reach.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    finished: bool = False
    events: tuple[Event, ...] = ()
    earlier: tuple[Event, ...] = ()

    def find_event(self, stage: str, number: int) -> Event | None:
        """Return the event of call ``number`` of ``stage``, counted from 0."""
        return dict(_number_calls((*self.events, *self.earlier))).get((stage, number))


def _number_calls(events: tuple[Event, ...]) -> Iterator[tuple[tuple[str, int], Event]]:
    """Yield ((stage, number of its earlier calls), event)."""
    seen: dict[str, int] = {}
    for event in events:
        number = seen.get(event.stage, 0)
        seen[event.stage] = number + 1
        yield (event.stage, number), event


class Recorder:
    """Record of a run while it goes on, so that a failed run is known as far as it came.

    A ``with`` block around the run: leaving it without an exception finishes the run.

    Attributes:
        previous: The run before this one.
        events: The finished stages of this run, in order.
    """

    def __init__(self, store: Store, recipe: str) -> None:
        self.previous = read_last_run(store.root, recipe)
        self._store = store
        self.events: tuple[Event, ...] = ()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write(finished=True)

    def add(self, event: Event) -> None:
        """Add the event of a stage, and write the record.

        Raises:
            UsageError: If the disk is full or cannot be written to.
        """
        self.events = (*self.events, event)
        self._write(finished=False)

    def _write(self, *, finished: bool) -> None:
        now = dict(_number_calls(self.events))
        before = _number_calls((*self.previous.events, *self.previous.earlier))
        run = Run(
            recipe=self.previous.recipe,
            finished=finished,
            events=self.events,
            earlier=() if finished else tuple(event for at, event in before if at not in now),
        )
        target = _file(self._store.runs, run.recipe)
        self._store.write(target, canonical_json.dumps(run.model_dump(mode="json")), durable=False)


def read_last_run(root: Path, recipe: str) -> Run:
    """Return the last run of ``recipe`` under ``root``, the artifacts folder; empty if none."""
    folder = root / ".store"
    return _read(_file(folder / "runs", recipe), folder / "objects") or Run(recipe=recipe)


def read_last_runs(root: Path) -> list[Run]:
    """Return the last run of every recipe."""
    folder = root / ".store"
    runs = (_read(file, folder / "objects") for file in sorted((folder / "runs").glob("*.json")))
    return [run for run in runs if run is not None]


def list_kept_digests(root: Path) -> frozenset[str]:
    """Return the digests of all results of all last runs, which garbage collection keeps."""
    return frozenset(
        event.digest for run in read_last_runs(root) for event in (*run.events, *run.earlier)
    )


def _file(folder: Path, recipe: str) -> Path:
    return folder / f"{quote(recipe, safe='')}.json"


def _read(file: Path, objects: Path) -> Run | None:
    """Read one run; None if the file is missing or damaged."""
    try:
        content = json.loads(file.read_bytes())
        for event in (*content["events"], *content["earlier"]):
            event["path"] = objects / event["digest"]
        return Run.model_validate(content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def describe_differences(old: Material, new: Material) -> list[str]:
    """Return the differences from ``old`` to ``new`` in words."""
    code = _compare_files({**old.code, **old.user}, {**new.code, **new.user})
    python = [("Python", old.python, new.python)] if old.python != new.python else []
    host = [("machine:", old.host, new.host)] if old.host != new.host else []
    return [
        *_compare_values("config", old.config, new.config),
        *(f"input {name} changed" for name in _changed_names(old.inputs, new.inputs)),
        *code,
        *_compare_tools(old.tools, new.tools),
        *(f"{part} {before} → {after}" for part, before, after in (*python, *host)),
    ]


def _changed_names(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _compare_files(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = _changed_names(old, new)
    shown = [f"{name} {_describe_change(name, old, new)}" for name in names[:MOST]]
    return shown + ([f"{len(names) - MOST} more files changed"] if names[MOST:] else [])


MOST = 3
"""Largest number of files that are named one by one."""


def _describe_change(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if name not in old:
        return "is new"
    return "changed" if name in new else "is gone"


def _compare_tools(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {old.get(name, '(none)')} → {new.get(name, '(none)')}"
        for name in _changed_names(old, new)
    ]


def _compare_values(where: str, old: Any, new: Any) -> Iterator[str]:
    """Yield ``path: old → new`` for each value that differs; 1 and 1.0 do."""
    if canonical_json.dumps(old) == canonical_json.dumps(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f".{name}", old.get(name), new.get(name)) for name in {**old, **new}]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"[{i}]", a, b) for i, (a, b) in enumerate(zip(old, new, strict=True))]
    else:
        yield f"{where}: {_format_value(old)} → {_format_value(new)}"
        return
    for name, before, after in pairs:
        yield from _compare_values(f"{where}{name}", before, after)


def _format_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
