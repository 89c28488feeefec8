"""Built-in checks of the inputs that the forms were run on."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = (
    (
        "parity.inputs.untested_axes <= 0",
        "dynamic axes on which only one size could be run",
        "A model that is said to take any size must have been run with more than one.",
        "Export these axes with a fixed size, or correct the code that fixes their size",
    ),
)
