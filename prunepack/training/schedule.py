"""Course of the sparsity over the steps of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from prunepack.arguments import COUNT, NAME, Kind, check_types
from prunepack.errors import UsageError

__all__ = ["SCHEDULE", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Course of the sparsity over the calls of :meth:`Pruner.step`.

    Attributes:
        kind: ``cubic``: large steps first, small steps last; ``linear``: equal steps;
            ``iterative``: an equal fraction of the remaining weights in each step; ``one_shot``:
            everything at once.
        steps: The number of calls over which the sparsity grows.
        every: The number of calls from one pruning to the next.
        start: The number of calls before that.
    """

    kind: Literal["cubic", "linear", "iterative", "one_shot"] = "cubic"
    steps: int = 1
    every: int = 1
    start: int = 0

    def __post_init__(self) -> None:
        """Check the types and the numbers.

        Raises:
            UsageError: If one is too small or of another type.
        """
        counts = dict.fromkeys(("steps", "every", "start"), COUNT)
        check_types("Schedule", asdict(self), {"kind": NAME, **counts})
        for name, least in (("steps", 1), ("every", 1), ("start", 0)):
            value = getattr(self, name)
            if value < least:
                raise UsageError(
                    f"the schedule cannot have {name}={value}",
                    expected=f"at least {least}",
                    found=value,
                    hint=f"Give the number of calls of Pruner.step as {name}",
                )

    @property
    def rounds(self) -> int:
        """The number of times that weights are pruned."""
        return -(-self.steps // self.every)

    def find_round(self, call: int) -> int:
        """Return the round that is due at a call, counted from 1; 0 if none is."""
        done = call - self.start
        if not 0 < done <= self.steps or (done % self.every and done != self.steps):
            return 0
        return -(-done // self.every)


SCHEDULE = Kind(
    "a prunepack.training.Schedule",
    lambda value: isinstance(value, Schedule),
    'Pass a Schedule("cubic", steps=1000)',
)
"""A schedule as an argument of a call."""
