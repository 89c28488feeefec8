"""ONNX file as a model of transformers, for tools that accept no other reference.

onnxruntime runs the file, so that an honest pair agrees bit for bit.
"""

from __future__ import annotations

from typing import Any

import onnxruntime
import torch
from transformers import PretrainedConfig, PreTrainedModel

__all__ = ["OnnxReferenceConfig", "OnnxReferenceForCausalLM", "open_reference"]


class OnnxReferenceConfig(PretrainedConfig):
    """Configuration with the path of the file: ``onnx_file``."""

    model_type = "onnx_reference"


class OnnxReferenceForCausalLM(PreTrainedModel):
    """Model that takes and returns tensors by their names in the file.

    ``logits`` is the first output, under any name.
    """

    config_class = OnnxReferenceConfig

    def __init__(self, config: OnnxReferenceConfig) -> None:
        super().__init__(config)
        self.held = torch.nn.Parameter(torch.zeros(1))  # tools ask a model for its dtype
        self.post_init()

    def forward(self, **inputs: torch.Tensor) -> Outputs:
        """Run the file."""
        session = onnxruntime.InferenceSession(
            self.config.onnx_file, providers=["CPUExecutionProvider"]
        )
        names = [one.name for one in session.get_outputs()]
        values = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        tensors = map(torch.from_numpy, values)
        return Outputs(zip(names, tensors, strict=True))


class Outputs(dict[str, torch.Tensor]):
    """Outputs by name, in order."""

    @property
    def logits(self) -> torch.Tensor:
        """The first output."""
        return next(iter(self.values()))


# transformers puts the class of a model with code of its own into this package.
OnnxReferenceForCausalLM.__module__ = "transformers_modules.onnx_reference"


def open_reference(file: str) -> Any:
    """Open the model in ``file``."""
    return OnnxReferenceForCausalLM(OnnxReferenceConfig(onnx_file=file)).eval()
