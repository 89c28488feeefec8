"""One stage run alone, from folders to a new folder."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from prunepack.errors import RefusedError, UsageError
from prunepack.io.atomic import move_into_place, name_scratch
from prunepack.pipeline.cache.disk_errors import explain_full_disk, explain_write_errors
from prunepack.pipeline.cache.objects import hash_tree
from prunepack.pipeline.cache.unfinished import keep_unfinished
from prunepack.pipeline.keys.material import collect_material
from prunepack.pipeline.stage_contract import bind_inputs, check_result
from prunepack.stages.contract.outputs import KINDS, Output, PackedArtifact, find_kind
from prunepack.stages.contract.resumption import resuming_in
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prunepack.pipeline.cache.store import Fact
    from prunepack.stages.contract.stage import Stage

__all__ = ["execute", "open_output"]

C = TypeVar("C", bound=Config)


def execute(
    stage: Stage[C, Any, Any], config: C, out: Path, *artifacts: Output | None, force: bool = False
) -> dict[str, Fact]:
    """Run ``stage`` alone into the folder ``out``, which appears whole or not at all.

    Args:
        stage: The stage.
        config: Its config.
        out: A new or empty folder.
        *artifacts: Its inputs, in order.
        force: Whether an output at ``out`` is replaced.

    Raises:
        BrokenStageError: If the stage breaks its contract.
        UsageError: If something is in the way at ``out``, or it cannot be written to.
    """
    out = out.resolve()
    _check_free(out, force=force)
    draft = name_scratch(out, out.parent)
    try:
        with explain_write_errors(out.parent, "--output"):
            draft.mkdir(parents=True)
        with (
            explain_full_disk(out.parent, "--output"),
            _resume(stage, config, artifacts, out),
        ):
            facts = stage.body(config, draft, *artifacts)
        plain = check_result(stage, draft, facts)
        _check_free(out, force=force)
        with explain_write_errors(out.parent, "--output"):
            move_into_place(draft, out, force=force, check=lambda old: _check_former(out, old))
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return plain


@contextmanager
def _resume(
    stage: Stage[C, Any, Any], config: C, artifacts: tuple[Output | None, ...], out: Path
) -> Iterator[None]:
    """Let a resumable stage keep its intermediate state in a hidden folder beside ``out``."""
    if not stage.resumable:
        yield
        return
    key = collect_material(stage, config, bind_inputs(stage, config, artifacts, {})).key
    folder = out.with_name(f".{out.name}.{key[:16]}.unfinished")
    with keep_unfinished(folder) as kept, resuming_in(kept):
        yield


def open_output(path: Path, allowed: tuple[type[Output], ...] = KINDS) -> Output:
    """Return the output in the folder ``path``; an artifact may also be a file.

    Raises:
        RefusedError: If there is none, or one of a kind that is not allowed here.
    """
    if path.is_file() and PackedArtifact in allowed:
        return PackedArtifact(path, hash_tree({PackedArtifact.files[0]: path}))
    return find_kind(path, allowed)(path, hash_tree(path))


def _check_free(out: Path, *, force: bool) -> None:
    """Raise unless ``out`` is missing, an empty folder or, with ``force``, an output of a stage."""
    if out.exists():
        _check_former(out, out, force=force)


def _check_former(out: Path, folder: Path, *, force: bool = True) -> None:
    """Raise unless ``folder``, which is or was at ``out``, may be replaced."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    try:
        found, replaceable = f"a {find_kind(folder).__name__}", True
    except RefusedError:
        found, replaceable = "other files" if folder.is_dir() else "a file", False
    if not (force and replaceable):
        hint = ", or replace it with --force" if replaceable else ""
        raise UsageError(
            f"`{out}` is taken",
            expected="a path that does not exist, or an empty folder",
            found=found,
            hint=f"Name another folder with --output{hint}",
        )
