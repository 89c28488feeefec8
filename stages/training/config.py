"""Settings of a training, and its device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, is_user_code

if TYPE_CHECKING:
    import torch

__all__ = ["TrainConfig", "choose_device"]


LOSSES = ("auto", "cross_entropy", "bce", "mse")
"""The names of our losses."""


class TrainConfig(Config):
    """The training on the training split."""

    epochs: int = Field(3, ge=0, description="Passes over the training split; 0 for no training.")
    loss: CodeName = Field(
        "auto",
        description="Loss: cross_entropy, bce, mse, your file.py:function(outputs, labels), or "
        "auto to choose one from the labels.",
    )
    answer: str = Field(
        "",
        description="Model output passed to the loss, by name or index. Default: verify.answer of "
        "the recipe if set, otherwise the first output.",
    )
    samples: int = Field(
        0, ge=0, description="Samples per pass over a split; required for a generator; 0 for all."
    )
    optimizer: Literal["sgd", "adam"] = Field("adam", description="Optimizer.")
    lr: float = Field(1e-3, gt=0, description="Initial learning rate.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "cosine",
        description="Learning-rate schedule: constant, or cosine or linear decay to zero over all "
        "steps.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Nesterov momentum of SGD.")
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty of the optimizer.")
    batch_size: int = Field(64, gt=0, description="Samples per step.")
    shift: int = Field(
        0, ge=0, description="Largest random shift of images, in pixels; 0 for none."
    )
    distill: float = Field(
        0.0, ge=0, le=1, description="Weight of the dense model's soft labels in the loss."
    )
    temperature: float = Field(4.0, gt=0, description="Temperature of the soft labels.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Precision of the layer computations: fp32, or bf16 with the weights kept in "
        "float32.",
    )
    seed: int = Field(
        0, ge=0, description="Seed for the sample order and all other randomness of the training."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device: cpu, cuda, or auto: CUDA if torch finds a device, else cpu."
    )

    @field_validator("loss")
    @classmethod
    def _is_known(cls, loss: str) -> str:
        if loss not in LOSSES and not is_user_code(loss):
            raise ValueError(
                f"{quote(loss)} is not a loss: expected {', '.join(LOSSES)} or file.py:function"
            )
        return loss


def choose_device(choice: str) -> torch.device:
    """Return the torch device for ``choice``: auto, cpu or cuda.

    Raises:
        UsageError: If ``choice`` is cuda and torch finds no device.
    """
    import torch

    if choice == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "CUDA cannot be used",
            expected="a device that torch finds",
            found=f"none (torch {torch.__version__})",
            hint="Use device auto or cpu, or install a CUDA build of torch and its driver",
        )
    usable = choice != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if usable else "cpu")
