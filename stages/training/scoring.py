"""Score of a live module on a split: accuracy, or the loss where labels are not classes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.data.input_values import limit_batch
from prunepack.stages.training.answers import compute_outputs
from prunepack.stages.training.batches import limit_samples, put_on
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.losses import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from prunepack.stages.data.datasets import AnySplit

__all__ = ["Score", "measure_accuracy", "measure_score"]

EVALUATION_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Score:
    """The result of a module on a split.

    Attributes:
        value: Accuracy as a fraction, or the mean loss.
        is_accuracy: Whether it is accuracy, so that higher is better.
        samples: The number of samples.
    """

    value: float
    is_accuracy: bool
    samples: int

    @property
    def text(self) -> str:
        """The score for people."""
        return f"{100 * self.value:.2f} %" if self.is_accuracy else f"a loss of {self.value:.4g}"

    def format_change(self, after: Score) -> str:
        """Return this score and a later one for people."""
        if self.is_accuracy:
            return f"{100 * self.value:.2f} → {100 * after.value:.2f} %"
        return f"a loss of {self.value:.4g} → {after.value:.4g}"

    def is_better_than(self, other: Score) -> bool:
        """Return whether this score is strictly better; NaN never is."""
        if self.value != self.value or other.value != other.value:
            return self.value == self.value
        return self.value > other.value if self.is_accuracy else self.value < other.value


def measure_accuracy(model: nn.Module, split: AnySplit) -> float:
    """Return the fraction of ``split`` whose label has the highest output of ``model``."""
    return measure_score(model, split, TrainConfig(loss="cross_entropy")).value


def measure_score(model: nn.Module, split: AnySplit, config: TrainConfig) -> Score:
    """Return the accuracy of ``model`` on ``split`` for classes, else its mean loss.

    Raises:
        UsageError: If the split has no labels, or the user's loss fails.
        RefusedError: If the split has no samples, or labels that do not fit.
    """
    import torch

    objective = Objective(config, split.layout.name)
    device = next(model.parameters()).device
    right = total = samples = 0
    loss = 0.0
    size = _choose_size(split, config)
    with evaluation_mode(model), torch.no_grad():
        for batch in limit_samples(split.read(size), config.samples):
            outputs = compute_outputs(model, put_on(device, batch))
            mean = objective.compute(outputs, batch.labels)
            loss += float(mean) * len(batch)
            samples += len(batch)
            if objective.counts_classes and batch.labels is not None:
                correct, counted = objective.count_correct(objective.select(outputs), batch.labels)
                right, total = right + correct, total + counted
    if not samples:
        raise RefusedError(f"{split.layout.name} has no samples", expected="some")
    if objective.counts_classes:
        return Score(right / max(total, 1), is_accuracy=True, samples=samples)
    return Score(loss / samples, is_accuracy=False, samples=samples)


def _choose_size(split: AnySplit, config: TrainConfig) -> int:
    """Return the samples per run: fewer if they are large, but a step of training needs more."""
    inputs = split.layout.inputs
    if not inputs:
        return EVALUATION_BATCH
    return max(config.batch_size, limit_batch(inputs, EVALUATION_BATCH))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into evaluation mode inside the block."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
