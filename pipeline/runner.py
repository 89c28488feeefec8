"""Run a stage, or find that it has been run."""

from __future__ import annotations

import inspect
import os
import secrets
import shutil
import time
from collections import Counter
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.cache.code_closure import first_party
from prunepack.pipeline.cache.history import Event, Run, differences
from prunepack.pipeline.cache.keys import Material, material_of
from prunepack.pipeline.cache.store import Fact, Record, room_for, tree_digest, writing
from prunepack.stages.contract.outputs import KINDS, Output, PackedArtifact, find_kind
from prunepack.stages.contract.progress import note
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prunepack.pipeline.cache.store import Store
    from prunepack.stages.contract.stage import Facts, Stage

__all__ = ["BrokenStageError", "Event", "Runner", "Stopped", "execute", "open_output"]

C = TypeVar("C", bound=Config)
A = TypeVar("A", bound=Output)
P = ParamSpec("P")


class BrokenStageError(RuntimeError):
    """A stage did not keep its contract: a bug of the stage, not of its user."""


class Stopped(Exception):  # noqa: N818 -- the run was told to end here: no error
    """The run has come as far as it was asked to.

    Attributes:
        stage: The name of the stage that was the last one.
    """

    def __init__(self, stage: str) -> None:
        super().__init__(f"stopped after {stage}")
        self.stage = stage


class Runner:
    """Calls stages through a store.

    Args:
        store: Where results are looked for and kept.
        on_event: Told what happened to each stage, when it is done.
        on_start: Told the name of each stage that is going to be built, and why.
        force: Names of stages that run even if their result is at hand.
        until: The name of the stage after which to stop.
        previous: The last run of the same recipe, which ``why`` compares with.
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
    ) -> None:
        self._store, self._force, self._until = store, force, until
        self._on_event, self._on_start = on_event, on_start
        self._previous = previous or Run(recipe="")
        self._calls: Counter[str] = Counter()
        self._imported = first_party()

    def __call__(self, stage: Stage[C, P, A], config: C, *args: P.args, **kwargs: P.kwargs) -> A:
        """Return the artifact of ``stage`` on these inputs, building it if need be.

        Raises:
            BrokenStageError: If the stage does not keep its contract.
            Stopped: If this was the stage to stop after.
            UsageError: If the user's code, a file or a tool is missing, or the disk is full.
        """
        began = time.perf_counter()
        material_now = partial(material_of, stage, config, _inputs(stage, config, args, kwargs))
        event = self._done(
            stage, material_now, lambda out: stage.body(config, out, *args, **kwargs)
        )
        event = event.model_copy(update={"seconds": time.perf_counter() - began})
        self._calls[stage.name] += 1
        self._on_event(event)
        if stage.name == self._until:
            raise Stopped(stage.name)
        kind = find_kind(event.path, stage.produces)
        return cast("type[A]", kind)(event.path, event.digest)

    def _done(
        self,
        stage: Stage[Any, Any, Any],
        material_now: Callable[[], Material],
        body: Callable[[Path], Facts],
    ) -> Event:
        """Find the result of the stage, or build and record it."""
        material = material_now()
        forced = stage.name in self._force
        record = None if forced else self._store.find(material.key)
        before = self._previous.nth(stage.name, self._calls[stage.name])
        why = _why(before, material, forced=forced, reused=record is not None)
        if record is not None:
            return self._event(record, why, reused=True)
        self._on_start(stage.name, why)
        record = self._build(stage, material, body)
        recorded = self._is_steady(material, material_now)
        if recorded:
            self._store.record(record)
        else:
            note(f"{stage.name}: its files changed while it ran, so it will run again next time")
        return self._event(record, why, recorded=recorded)

    def _build(
        self, stage: Stage[Any, Any, Any], material: Material, body: Callable[[Path], Facts]
    ) -> Record:
        began = time.perf_counter()
        with self._store.scratch(stage.name) as scratch:
            with room_for(self._store.root):
                facts = body(scratch)
            facts = _checked(stage, scratch, facts)
            digest, files = self._store.adopt(scratch)
        seconds = time.perf_counter() - began
        return Record(digest=digest, files=files, facts=facts, material=material, seconds=seconds)

    def _is_steady(self, material: Material, material_now: Callable[[], Material]) -> bool:
        """Say whether the files in the key are those that ran: none was edited under way.

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

    def _event(
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
            why=why,
            material=record.material,
            path=self._store.path(record.digest),
        )


def execute(
    stage: Stage[C, Any, Any], config: C, out: Path, *artifacts: Output, force: bool = False
) -> dict[str, Fact]:
    """Run ``stage`` alone into the folder ``out``, which appears whole or not at all.

    Args:
        stage: The stage.
        config: Its config.
        out: A new or empty folder.
        *artifacts: Its inputs.
        force: Whether an artifact at ``out`` is replaced.

    Raises:
        BrokenStageError: If the stage does not keep its contract.
        UsageError: If something is in the way at ``out``, or it cannot be written to.
    """
    out = out.resolve()
    draft = out.parent / f".{out.name}-{os.getpid()}-{secrets.token_hex(4)}"
    _check_free(out, force=force)
    try:
        with writing(out.parent, "--output"):
            draft.mkdir(parents=True)
        with room_for(out.parent, "--output"):
            facts = stage.body(config, draft, *artifacts)
        plain = _checked(stage, draft, facts)
        _check_free(out, force=force)
        with writing(out.parent, "--output"):
            _put(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return plain


def open_output(path: Path, allowed: tuple[type[Output], ...] = KINDS) -> Output:
    """Return the output in the folder ``path``; an artifact may also be a file.

    Raises:
        RefusedError: If there is none, or one of a kind that is not allowed here.
    """
    if path.is_file() and PackedArtifact in allowed:
        return PackedArtifact(path, tree_digest({PackedArtifact.files[0]: path}))
    return find_kind(path, allowed)(path, tree_digest(path))


def _inputs(
    stage: Stage[Any, Any, Any], config: Config, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Output]:
    """Return the input artifacts by parameter; all that a stage may depend on beside its config."""
    bound = inspect.signature(stage.body).bind(config, Path(), *args, **kwargs)
    given = {name: value for name, value in bound.arguments.items() if value is not None}
    inputs = dict(list(given.items())[2:])
    for name, value in inputs.items():
        if not isinstance(value, Output):
            raise BrokenStageError(
                f"{stage.name}: {name} is a {type(value).__name__}, expected an artifact. "
                "Put any other value in its config, so that its key covers it"
            )
    return inputs


def _why(before: Event | None, material: Material, *, forced: bool, reused: bool) -> str:
    """Say in words why a stage ran or did not."""
    same = before is not None and before.key == material.key
    if reused:
        return "nothing changed" if same else "made by an earlier run"
    reasons = ["forced"] if forced else []
    if before is None:
        return "; ".join(reasons or ["first run"])
    reasons += differences(before.material, material)
    if not reasons:
        lost = "its output was damaged or deleted"
        reasons = [lost if before.recorded else "its files changed while it last ran"]
    return "; ".join(reasons)


def _checked(
    stage: Stage[Any, Any, Any], folder: Path, facts: Mapping[str, object]
) -> dict[str, Fact]:
    """Return the facts as plain values if the stage kept its contract.

    Raises:
        BrokenStageError: If it did not.
    """
    links = [path.name for path in folder.rglob("*") if path.is_symlink()]
    if links:
        raise BrokenStageError(f"{stage.name} left a link, {links[0]}: expected files only")
    try:
        find_kind(folder, stage.produces)
    except RefusedError:
        wanted = " or ".join(f"{k.__name__} ({', '.join(k.files)})" for k in stage.produces)
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "no file"
        raise BrokenStageError(
            f"{stage.name} left the wrong files: expected a {wanted}, found {found}"
        ) from None
    return {name: _plain(stage.name, name, value) for name, value in facts.items()}


def _plain(stage: str, name: str, value: object) -> Fact:
    for kind in (bool, int, float, str):
        if isinstance(value, kind) and not (isinstance(value, float) and not isfinite(value)):
            return kind(value)
    raise BrokenStageError(
        f"{stage}: the fact {name!r} is {value!r}, expected a finite number, a text or a bool"
    )


def _check_free(out: Path, *, force: bool) -> None:
    """Raise unless there is nothing at ``out``, an empty folder or, with ``force``, an artifact."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        found, replaceable = f"a {find_kind(out).__name__}", True
    except RefusedError:
        found, replaceable = "other files" if out.is_dir() else "a file", False
    if not (force and replaceable):
        hint = ", or replace it with --force" if replaceable else ""
        raise UsageError(
            f"{out} is taken",
            expected="nothing there, or an empty folder",
            found=found,
            hint=f"Name another folder with --output{hint}.",
        )


def _put(draft: Path, out: Path) -> None:
    """Rename ``draft`` to ``out``; what was there goes."""
    old = draft.with_name(f"{draft.name}-old")
    if out.exists():
        out.rename(old)
    draft.rename(out)
    shutil.rmtree(old, ignore_errors=True)
