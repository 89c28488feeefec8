"""Training loop for classifiers, with or without masks; it keeps the best epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import note, track
from prunepack.stages.contract.stage import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import Data, Split

__all__ = ["Fitted", "TrainConfig", "choose_device", "fit", "measure_accuracy"]

EVALUATION_BATCH = 1000


class TrainConfig(Config):
    """The training on the training split."""

    epochs: int = Field(3, ge=0, description="Passes over the training split; 0 for no training.")
    optimizer: Literal["sgd", "adam"] = Field("adam", description="Optimizer.")
    lr: float = Field(1e-3, gt=0, description="Learning rate at the start.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "cosine",
        description="Course of the learning rate: constant, or down to zero over all steps.",
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
    seed: int = Field(0, ge=0, description="Seed of the order of samples and all randomness.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device: cpu, cuda, or auto for CUDA where torch finds a device."
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a training.

    Attributes:
        best_epoch: The epoch whose weights were kept; 0 for the weights before the first epoch.
        validation: Accuracy on the validation split at that epoch, as a fraction.
    """

    best_epoch: int
    validation: float


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


def fit(
    model: nn.Module, data: Data, config: TrainConfig, teacher: nn.Module | None = None
) -> Fitted:
    """Fit ``model`` in place and leave it, in evaluation mode, with its best epoch's weights.

    The loss is cross-entropy, with ``distill`` mixed with the divergence from the softened outputs
    of ``teacher`` (Hinton, Vinyals and Dean 2015). The best epoch is the first one with the highest
    accuracy on the validation split; the test split is not used.

    Raises:
        UsageError: If there are no training and validation samples, or no such device.
    """
    import torch

    if not data.train or not data.validation:
        raise UsageError(
            "the dataset cannot be trained on", expected="train and validation splits", found="none"
        )
    device = choose_device(config.device)
    model.to(device)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        fitted = _fit(model, data.train, data.validation, config, teacher, device)
    model.to("cpu").eval()
    return fitted


def _fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    config: TrainConfig,
    teacher: nn.Module | None,
    device: torch.device,
) -> Fitted:
    epochs = _Epochs(model, train, config, teacher, device)
    best = Fitted(0, measure_accuracy(model, validation) if config.epochs == 0 else -1.0)
    kept: dict[str, torch.Tensor] = {}
    for epoch in range(1, config.epochs + 1):
        epochs.run(epoch)
        score = measure_accuracy(model, validation)
        note(f"epoch {epoch}: {100 * score:.2f} % on {len(validation):,} validation samples")
        if score > best.validation:
            best = Fitted(epoch, score)
            kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if kept:
        model.load_state_dict(kept)
    return best


class _Epochs:
    """Passes over the training split, with one optimizer and one course of the learning rate."""

    def __init__(
        self,
        model: nn.Module,
        train: Split,
        config: TrainConfig,
        teacher: nn.Module | None,
        device: torch.device,
    ) -> None:
        import torch

        self._model, self._train, self._config, self._device = model, train, config, device
        self._optimizer = _make_optimizer(model, config)
        self._batches = -(-len(train) // config.batch_size)
        factor = _decay(config.schedule, config.epochs * self._batches)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._loss = _Loss(config, teacher.to(device).eval() if teacher else None)

    def run(self, epoch: int) -> None:
        """Train on every batch once."""
        self._model.train()
        batches = _batches(self._train, self._config, self._device)
        title = f"epoch {epoch} of {self._config.epochs}"
        for inputs, labels in track(batches, title, self._batches):
            self._optimizer.zero_grad()
            self._loss(self._model(inputs), inputs, labels).backward()
            self._optimizer.step()
            self._scheduler.step()


@dataclass(frozen=True, slots=True)
class _Loss:
    config: TrainConfig
    teacher: nn.Module | None

    def __call__(
        self, logits: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        import torch
        import torch.nn.functional as F  # noqa: N812 -- its usual name

        hard = F.cross_entropy(logits, labels)
        if self.teacher is None or not self.config.distill:
            return hard
        heat = self.config.temperature
        with torch.no_grad():
            target = F.softmax(self.teacher(inputs) / heat, dim=1)
        soft = F.kl_div(F.log_softmax(logits / heat, dim=1), target, reduction="batchmean")
        return (1 - self.config.distill) * hard + self.config.distill * heat**2 * soft


def _make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, config.lr, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        parameters,
        config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )


def _decay(schedule: str, steps: int) -> Callable[[int], float]:
    """Return a function from the step to the factor of the learning rate."""

    def factor(step: int) -> float:
        done = min(step / max(steps, 1), 1.0)
        if schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        return 1.0 if schedule == "constant" else 1 - done

    return factor


def _batches(
    split: Split, config: TrainConfig, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the split once, in random order, as batches of tensors on ``device``."""
    import torch

    inputs, labels = torch.from_numpy(split.inputs), torch.from_numpy(split.labels)
    for chosen in torch.randperm(len(split)).split(config.batch_size):
        batch = _shift(inputs[chosen], config.shift)
        yield batch.to(device), labels[chosen].to(device)


def _shift(images: torch.Tensor, most: int) -> torch.Tensor:
    """Move a whole batch of images (n, c, h, w) by up to ``most`` pixels each way."""
    import torch

    if not most or images.ndim != 4:
        return images
    down, right = torch.randint(-most, most + 1, (2,)).tolist()
    return torch.roll(images, (down, right), dims=(2, 3))


def measure_accuracy(model: nn.Module, split: Split) -> float:
    """Return the fraction of ``split`` whose label has the highest output of ``model``."""
    import torch

    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    right = 0
    with torch.inference_mode():
        for at in range(0, len(split), EVALUATION_BATCH):
            inputs = torch.from_numpy(split.inputs[at : at + EVALUATION_BATCH]).to(device)
            labels = torch.from_numpy(split.labels[at : at + EVALUATION_BATCH]).to(device)
            right += int((model(inputs).argmax(1) == labels).sum())
    model.train(was_training)
    return right / len(split)
