"""Built-in checks of accuracy and of the data that it is measured on."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = (
    (
        "data.test_in_train <= 10",
        "share of test samples that are also trained on, beyond the repeats among those",
        "A model knows the answers to samples that it was trained on.",
        "Give a test split that has no sample in common with the training split",
    ),
    (
        "data.changed_samples <= 0",
        "share of samples that another call of the user's function does not give",
        "A result on a random subset cannot be repeated, nor compared with another release.",
        "Draw with a seed: np.random.default_rng(0), or return all samples",
    ),
    (
        "accuracy.drop <= 1",
        "points of accuracy that the dense model has and the worst other form has not",
        "A small model that answers wrongly is of no use.",
        "Prune less or fine-tune longer, or set a limit of your own on accuracy.drop",
    ),
)
