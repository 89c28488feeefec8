"""Pruning inside a training loop of your own: a schedule, masks, and their end.

Build a :class:`Pruner` on a model, call :meth:`Pruner.step` after each step of the optimizer, and
:meth:`Pruner.finalize` after the last one::

    pruner = Pruner(model, Schedule("cubic", steps=1000, every=50), amount=0.9)
    for inputs, labels in loader:
        ...
        optimizer.step()
        pruner.step()
    pruner.finalize()

This module needs ``prunepack[build]``.
"""

from prunepack.training.pruner import Pruner
from prunepack.training.schedule import Schedule

__all__ = ["Pruner", "Schedule"]
