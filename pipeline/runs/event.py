"""Event: one stage of a run, built or reused, and why."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from prunepack.pipeline.cache.objects import Digest
from prunepack.pipeline.cache.store import Fact
from prunepack.pipeline.keys.material import Material

__all__ = ["Event"]


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
