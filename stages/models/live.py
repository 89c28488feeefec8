"""Live models: checkpoints in memory, for calls from notebooks and scripts."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.contract.outputs import Checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["LiveModel"]


@dataclass(frozen=True, slots=True)
class LiveModel(Checkpoint):
    """A checkpoint in memory.

    Attributes:
        module: The module without masks, in evaluation mode; stages work on copies of it.
        spec: Its inputs.
    """

    module: nn.Module
    spec: ModelSpec

    @property
    def parts(self) -> dict[str, Path]:
        """No files."""
        return {}

    def copy(self) -> tuple[nn.Module, ModelSpec]:
        """Return a module of its own for a stage, and the specification."""
        return copy.deepcopy(self.module), self.spec
