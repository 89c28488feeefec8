"""Scope of user code that runs in many steps, such as a generator of batches."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prunepack.stages.contract.user_code import import_folder
from prunepack.stages.contract.user_effects import contain_effects
from prunepack.stages.contract.user_imports import import_from

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UserScope"]

P = ParamSpec("P")
T = TypeVar("T")


class UserScope:
    """Random states and import path of user code, kept between its steps.

    Each scope begins with the same seed, so that code that draws random numbers without a seed,
    such as a random split, gives the same values in every stage. Other code does not see what the
    steps change in the process.

    Args:
        reference: The name of the user code.
    """

    def __init__(self, reference: str) -> None:
        self._folder = import_folder(reference)
        self._states: dict[str, Any] = {}

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` where the last step ended."""
        with import_from(self._folder), contain_effects():
            self._resume()
            try:
                return function(*args, **kwargs)
            finally:
                self._states = _read_states()

    def _resume(self) -> None:
        for name, module in _find_generators().items():
            if name in self._states:
                module.set(self._states[name])
            else:
                module.seed()


class _Generator:
    """Global random generator of one library."""

    def __init__(self, get: Callable[[], Any], set_: Callable[[Any], Any], seed: Any) -> None:
        self.get, self.set, self._seed = get, set_, seed

    def seed(self) -> None:
        """Begin with the seed of every scope."""
        self._seed(0)


def _find_generators() -> dict[str, _Generator]:
    """Return the generators of the libraries that are imported."""
    found = {"python": _Generator(random.getstate, random.setstate, random.seed)}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        drawn = numpy.random
        found["numpy"] = _Generator(drawn.get_state, drawn.set_state, drawn.seed)
    if torch is not None:
        drawn = torch.random
        found["torch"] = _Generator(drawn.get_rng_state, drawn.set_rng_state, drawn.manual_seed)
    return found


def _read_states() -> dict[str, Any]:
    return {name: generator.get() for name, generator in _find_generators().items()}
