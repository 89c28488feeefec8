"""Registry of built-in models: one module per model, which defines ``MODEL``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.plugins import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from torch import nn

    from prunepack.stages.training.config import TrainConfig

__all__ = ["MODELS", "Model"]


@dataclass(frozen=True, slots=True)
class Model:
    """A built-in model, its inputs and its weights.

    Without ``weights``, ``read_state`` and ``training``, the fresh weights are used.

    Attributes:
        build: A function that returns the module with fresh weights.
        shape: The shape of one sample, without the batch, for a model with one input.
        dataset: The name of the dataset for its training and its accuracy; empty for none.
        training: The training that makes its weights from a seed; None for no training.
        weights: The trained weights that ship with the package; None where there are none.
        inputs: The inputs of the model, for any other one.
        read_state: A function that returns trained weights, downloaded on first use.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = ()
    dataset: str = ""
    training: TrainConfig | None = None
    weights: Path | None = None
    inputs: tuple[InputSpec, ...] = ()
    read_state: Callable[[], Mapping[str, torch.Tensor]] | None = None

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """The inputs of the model."""
        return self.inputs or (InputSpec(shape=self.shape),)


MODELS: Registry[Model] = Registry("model", "prunepack.stages.models.builtin", "MODEL")
