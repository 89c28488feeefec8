"""Built-in checks of accuracy and of the data that it is measured on."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = (
    (
        "accuracy.drop <= 1",
        "points of accuracy that the dense model has and the worst other form has not",
        "A small model that answers wrongly is of no use.",
        "Prune less or fine-tune longer, or set a limit of your own on accuracy.drop",
    ),
)
