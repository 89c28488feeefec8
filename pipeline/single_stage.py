"""One stage run alone, from folders to a new folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, TypeVar

from prunepack.errors import RefusedError, UsageError
from prunepack.io.atomic import move_folder, name_scratch
from prunepack.pipeline.cache.disk_errors import explain_full_disk, explain_write_errors
from prunepack.pipeline.cache.objects import hash_tree
from prunepack.pipeline.stage_contract import check_result
from prunepack.stages.contract.outputs import KINDS, Output, PackedArtifact, find_kind
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
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
        with explain_full_disk(out.parent, "--output"):
            facts = stage.body(config, draft, *artifacts)
        plain = check_result(stage, draft, facts)
        _check_free(out, force=force)
        with explain_write_errors(out.parent, "--output"):
            move_folder(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return plain


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
            expected="a path that does not exist, or an empty folder",
            found=found,
            hint=f"Name another folder with --output{hint}",
        )
