"""Runner: each stage is built, or its stored result is reused."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from prunepack.errors import UsageError
from prunepack.pipeline.cache.disk_errors import explain_full_disk
from prunepack.pipeline.cache.store import Record
from prunepack.pipeline.keys.code_closure import hash_first_party
from prunepack.pipeline.keys.material import Material, collect_material
from prunepack.pipeline.reads.reads import Reads, ReadWatch
from prunepack.pipeline.runs.differences import describe_differences
from prunepack.pipeline.runs.event import Event
from prunepack.pipeline.runs.run import Run
from prunepack.pipeline.stage_contract import bind_inputs, check_result
from prunepack.stages.contract.outputs import Output, find_kind
from prunepack.stages.contract.progress import collect_remarks, note
from prunepack.stages.contract.resumption import resuming_in
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prunepack.pipeline.cache.store import Store
    from prunepack.stages.contract.stage import Facts, Stage

__all__ = ["Runner", "Stopped"]

C = TypeVar("C", bound=Config)
A = TypeVar("A", bound=Output)
P = ParamSpec("P")


class Stopped(Exception):  # noqa: N818 -- the user asked the run to end here
    """The run has reached the stage after which the user asked it to stop.

    Attributes:
        stage: The name of the last stage.
    """

    def __init__(self, stage: str) -> None:
        super().__init__(f"stopped after {stage}")
        self.stage = stage


class Runner:
    """Caller of stages, with a store of their results.

    Args:
        store: The store of results.
        on_event: Called with the event of each finished stage.
        on_start: Called with the name of each stage before it is built, and with the reason.
        force: Names of stages that run even if their result is stored.
        until: The name of the stage after which to stop.
        previous: The last run of the same recipe, which ``why`` compares with.
        hash_data: Whether large data that user code reads is identified by its content.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_event: Callable[[Event], None] = lambda _: None,
        on_start: Callable[[str, str], None] = lambda _stage, _why: None,
        force: frozenset[str] = frozenset(),
        until: str | None = None,
        previous: Run | None = None,
        hash_data: bool = False,
    ) -> None:
        self._store, self._force, self._until = store, force, until
        self._on_event, self._on_start = on_event, on_start
        self._previous = previous or Run(recipe="")
        self._calls: Counter[str] = Counter()
        self._remarks: list[str] = []
        self._imported = hash_first_party()
        self._hash_data = hash_data
        self._reads = ReadWatch(store.folder, hashes_all=hash_data)

    def __call__(self, stage: Stage[C, P, A], config: C, *args: P.args, **kwargs: P.kwargs) -> A:
        """Return the output of ``stage`` on these inputs, stored or built.

        Raises:
            BrokenStageError: If the stage breaks its contract.
            Stopped: If this was the stage to stop after.
            UsageError: If the user's code, a file or a tool is missing, or the disk is full.
        """
        began = time.perf_counter()
        material_now = partial(
            collect_material,
            stage,
            config,
            bind_inputs(stage, config, args, kwargs),
            hash_data=self._hash_data,
        )
        event = self._find_or_build(
            stage, material_now, lambda out: stage.body(config, out, *args, **kwargs)
        )
        event = event.model_copy(update={"seconds": time.perf_counter() - began})
        self._calls[stage.name] += 1
        self._on_event(event)
        if stage.name == self._until:
            raise Stopped(stage.name)
        kind = find_kind(event.path, stage.produces)
        return cast("type[A]", kind)(event.path, event.digest)

    def _find_or_build(
        self,
        stage: Stage[Any, Any, Any],
        material_now: Callable[[], Material],
        body: Callable[[Path], Facts],
    ) -> Event:
        """Find the result of the stage in the store, or build and record it."""
        material = material_now()
        forced = stage.name in self._force
        record = None if forced else self._store.find(material.key)
        changed = self._reads.list_changes(record.reads) if record is not None else []
        is_reused = record is not None and not changed
        before = self._previous.find_event(stage.name, self._calls[stage.name])
        why = _describe_reason(before, material, forced=forced, reused=is_reused, changed=changed)
        if record is not None and is_reused:
            return self._make_event(record, why, reused=True)
        self._on_start(stage.name, why)
        record = self._build(stage, material, body)
        reads = self._reads.collect() if material.user else Reads()
        recorded = reads is not None and self._is_steady(material, material_now)
        if recorded:
            self._store.record(record.model_copy(update={"reads": reads}))
        else:
            note(f"{stage.name}: its files changed while it ran, so it will run again next time")
        return self._make_event(record, why, recorded=recorded)

    def _build(
        self, stage: Stage[Any, Any, Any], material: Material, body: Callable[[Path], Facts]
    ) -> Record:
        began = time.perf_counter()
        with self._store.scratch(stage.name) as scratch:
            with (
                explain_full_disk(self._store.root),
                collect_remarks() as remarks,
                self._resume(stage, material.key),
                self._reads.watch() if material.user else nullcontext(),
            ):
                facts = body(scratch)
            facts = check_result(stage, scratch, facts)
            digest, files = self._store.adopt(scratch)
        seconds = time.perf_counter() - began
        return Record(
            digest=digest,
            files=files,
            facts=facts,
            notes=tuple(remarks),
            material=material,
            seconds=seconds,
        )

    @contextmanager
    def _resume(self, stage: Stage[Any, Any, Any], key: str) -> Iterator[None]:
        """Let a resumable stage keep its intermediate state under ``key`` inside the block."""
        if not stage.resumable:
            yield
            return
        with self._store.resume(key) as folder, resuming_in(folder):
            yield

    def remark(self, text: str) -> None:
        """Add an assumption of the run to the notes of the next stage."""
        self._remarks.append(text)

    def _take_remarks(self) -> list[str]:
        remarks, self._remarks = self._remarks, []
        return remarks

    def _is_steady(self, material: Material, material_now: Callable[[], Material]) -> bool:
        """Return whether the files in the key did not change during the run.

        First-party modules are compared with what they were when the runner was made, since they
        may have been imported then.
        """
        try:
            now = material_now()
        except UsageError:  # one of the user's files is gone
            return False
        imported = {**material.code, **self._imported}
        same = all(imported.get(name) == digest for name, digest in now.code.items())
        return same and now.key == material.key

    def _make_event(
        self, record: Record, why: str, *, reused: bool = False, recorded: bool = True
    ) -> Event:
        return Event(
            stage=record.material.stage,
            key=record.material.key,
            digest=record.digest,
            reused=reused,
            recorded=recorded,
            seconds=0.0,
            facts=record.facts,
            notes=(*self._take_remarks(), *record.notes),
            why=why,
            material=record.material,
            path=self._store.path(record.digest),
            files={name: file.sha256 for name, file in record.files.items()},
        )


def _describe_reason(
    before: Event | None, material: Material, *, forced: bool, reused: bool, changed: list[str]
) -> str:
    """Return the reason why a stage runs or is reused."""
    same = before is not None and before.key == material.key
    if reused:
        return "nothing changed" if same else "made by an earlier run"
    reasons = ["forced"] if forced else []
    reasons += [f"{path} changed" for path in changed[:1]]
    reasons += [f"{len(changed) - 1} more changed"] if changed[1:] else []
    if before is None:
        return "; ".join(reasons or ["first run"])
    reasons += describe_differences(before.material, material)
    if not reasons:
        lost = "its output was damaged or deleted"
        reasons = [lost if before.recorded else "its files changed while it last ran"]
    return "; ".join(reasons)
