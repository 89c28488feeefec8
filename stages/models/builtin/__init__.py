"""Registry of built-in models: one module per model, which defines ``MODEL``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.contract.plugins import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from prunepack.stages.training.config import TrainConfig

__all__ = ["MODELS", "Model"]


@dataclass(frozen=True, slots=True)
class Model:
    """A built-in model, its input and its training.

    Attributes:
        build: A function that returns the module with fresh weights.
        shape: The shape of one sample, without the batch.
        dataset: The name of the dataset for its training and its accuracy.
        training: The training that makes its weights from a seed.
        weights: The trained weights that ship with the package; None where they are
            trained on first use.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    dataset: str
    training: TrainConfig
    weights: Path | None = None


MODELS: Registry[Model] = Registry("model", "prunepack.stages.models.builtin", "MODEL")
