"""Rounds of pruning and fine-tuning of a run."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from prunepack.stages.details.records import PruningRound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.pipeline.runs.event import Event

__all__ = ["list_rounds"]

SCORES = {"before", "after", "unit"}


def list_rounds(events: Sequence[Event]) -> Iterator[PruningRound]:
    """Yield a round for each fine-tuning that measured scores, after the pruning before it."""
    for pruned, tuned in pairwise(events):
        known = "sparsity" in pruned.facts and tuned.facts.keys() >= SCORES
        if known and (pruned.stage, tuned.stage) == ("prune", "finetune"):
            scores = {name: tuned.facts[name] for name in SCORES}
            sparsity = 100 * float(pruned.facts["sparsity"])
            yield PruningRound.model_validate({"sparsity": sparsity, **scores})
