"""Losses of our training: by the kind of the labels, of the user, and of distillation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.data.labels import IGNORED, Kind, LabelReader
from prunepack.stages.training.answers import choose_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.training.batches import Tensors
    from prunepack.stages.training.config import TrainConfig

__all__ = ["Objective"]

WANTED: Mapping[str, Sequence[Kind]] = {
    "auto": ("classes", "flags", "targets"),
    "cross_entropy": ("classes", "targets"),
    "bce": ("targets",),
    "mse": ("targets",),
}
"""The kinds of labels that each loss takes, the preferred one first."""

OWN_LOSS = "name a loss of your own in finetune.loss"
"""The remedy for labels that no loss of ours takes."""


@dataclass
class Objective:
    """Loss of a batch; the first batch decides how labels are read.

    Attributes:
        config: The settings of the training.
        name: The name of the split, for messages.
    """

    config: TrainConfig
    name: str
    _reader: LabelReader | None = None
    _function: Callable[[Tensors, torch.Tensor], torch.Tensor] | None = None
    _as_probabilities: bool | None = None

    @property
    def counts_classes(self) -> bool:
        """Whether the labels are classes, so that accuracy can be counted."""
        return self._reader is not None and self._reader.kind == "classes"

    def compute(
        self, outputs: Tensors, labels: Array | None, taught: Tensors | None = None
    ) -> torch.Tensor:
        """Return the loss of one batch.

        Args:
            outputs: The outputs of the model by name.
            labels: The labels of the batch.
            taught: The outputs of the teacher, whose divergence is mixed in by
                ``config.distill`` (Hinton, Vinyals and Dean 2015).

        Raises:
            UsageError: If there are no labels, or the user's loss fails.
            RefusedError: If the labels do not fit the answer.
        """
        answer = self.select(outputs)
        hard = self._compute_hard(outputs, answer, labels)
        if taught is None:
            return hard
        soft = self._compute_soft(answer, self.select(taught))
        return (1 - self.config.distill) * hard + self.config.distill * soft

    def select(self, outputs: Tensors) -> torch.Tensor:
        """Return the output that answers, in float32 or float64.

        Raises:
            UsageError: If there is no such output.
        """
        if not outputs:
            raise UsageError("the model has no output to train on", expected="a tensor")
        answer = outputs[choose_answer(outputs, self.config.answer)]
        return answer if answer.dtype.itemsize >= 4 else answer.float()

    def count_correct(self, answer: torch.Tensor, labels: Array) -> tuple[int, int]:
        """Return the number of positions with the right class, and of all that count."""
        classes = self._encode(answer, labels)
        counted = classes != IGNORED
        right = answer.argmax(self._read(labels, answer).axis) == classes
        return int((right & counted).sum()), int(counted.sum())

    def _compute_hard(
        self, outputs: Tensors, answer: torch.Tensor, labels: Array | None
    ) -> torch.Tensor:
        if labels is None:
            raise UsageError(
                f"{self.name} has no labels to train on",
                expected="(inputs, labels)",
                found="inputs alone",
                hint="Give labels, your own finetune.hook, or set finetune.epochs to 0",
            )
        if is_user_code(self.config.loss):
            return self._call_own(outputs, labels, answer)
        import torch.nn.functional as F  # noqa: N812 -- its usual name

        target = self._encode(answer, labels)
        reader = self._read(labels, answer)
        if reader.kind == "classes":
            return self._compare_classes(answer.movedim(reader.axis, 1), target)
        if self.config.loss == "cross_entropy":
            return self._compare_classes(answer, self._check_soft(target))
        if self.config.loss == "mse" or (self.config.loss == "auto" and reader.kind == "targets"):
            return F.mse_loss(answer, target.to(answer.dtype))
        target = self._check_unit(target).to(answer.dtype)
        if self._has_probabilities(answer):
            return F.binary_cross_entropy(answer, target)
        return F.binary_cross_entropy_with_logits(answer, target)

    def _compare_classes(self, answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of logits, or of the probabilities of a softmax."""
        import torch.nn.functional as F  # noqa: N812 -- its usual name

        target = target.to(answer.dtype) if target.is_floating_point() else target
        if self._has_probabilities(answer, sums=True):
            answer = answer.clamp_min(1e-12).log()
            if not target.is_floating_point():
                return F.nll_loss(answer, target, ignore_index=IGNORED)
        if target.is_floating_point():
            return F.cross_entropy(answer, target)
        return F.cross_entropy(answer, target, ignore_index=IGNORED)

    def _has_probabilities(self, answer: torch.Tensor, *, sums: bool = False) -> bool:
        """Return whether the answer is a probability already, by all batches so far."""
        if self._as_probabilities is not False:
            inside = bool(((answer >= 0) & (answer <= 1)).all())
            whole = not sums or bool(((answer.sum(1) - 1).abs() < 1e-3).all())
            if inside and whole and self._as_probabilities is None:
                remark("the answer is from 0 to 1: the loss takes it as probabilities")
            elif not (inside and whole) and self._as_probabilities:
                remark("the answer left 0 to 1: the loss takes it as logits from there on")
            self._as_probabilities = inside and whole
        return self._as_probabilities

    def _read(self, labels: Array, answer: torch.Tensor) -> LabelReader:
        if self._reader is None:
            wanted = WANTED.get(self.config.loss, WANTED["auto"])
            self._reader = LabelReader.choose(labels, answer.shape, self.name, wanted, OWN_LOSS)
        return self._reader

    def _encode(self, answer: torch.Tensor, labels: Array) -> torch.Tensor:
        import torch

        target = self._read(labels, answer).read(labels, answer.shape)
        return torch.from_numpy(target).to(answer.device)

    def _check_unit(self, target: torch.Tensor) -> torch.Tensor:
        if bool(((target < 0) | (target > 1)).any()):
            raise RefusedError(
                f"the labels of {self.name} do not fit the loss bce",
                expected="values from 0 to 1",
                found=f"{float(target.min()):g} to {float(target.max()):g}",
                hint="Set finetune.loss to mse, or give labels of 0 and 1",
            )
        return target

    def _check_soft(self, target: torch.Tensor) -> torch.Tensor:
        """Refuse rows that are not probabilities of two classes or more."""
        if target.ndim >= 2 and target.shape[1] > 1:
            sums = target.sum(1)
            if bool((target >= 0).all()) and bool(((sums - 1).abs() < 1e-3).all()):
                return target
        raise RefusedError(
            f"the labels of {self.name} do not fit the loss cross_entropy",
            expected="classes, or one probability per class with the sum 1",
            found=f"values of the shape {list(target.shape)}",
            hint="Set finetune.loss to mse or bce",
        )

    def _call_own(self, outputs: Tensors, labels: Array, answer: torch.Tensor) -> torch.Tensor:
        """Return the loss of the user's ``function(outputs, labels)``.

        Raises:
            UsageError: If it fails, or returns anything but one number with a gradient.
        """
        import torch

        reference = self.config.loss
        if self._function is None:
            self._function = load_user_code(reference)
        tensor = torch.from_numpy(labels).to(answer.device)
        try:
            loss = self._function(outputs, tensor)
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"`{reference}(outputs, labels)` failed", found=f"{type(error).__name__}: {error}"
            ) from error
        is_number = isinstance(loss, torch.Tensor) and loss.numel() == 1
        if not is_number or loss.requires_grad < torch.is_grad_enabled():
            found = f"a {type(loss).__name__}"
            if isinstance(loss, torch.Tensor):
                tracked = "with" if loss.requires_grad else "without"
                found = f"a tensor of {list(loss.shape)} {tracked} a gradient"
            raise UsageError(
                f"`{reference}(outputs, labels)` returned no loss",
                expected="one number that has a gradient",
                found=found,
                hint="Return the mean over the batch, computed from `outputs` by torch",
            )
        return loss.reshape(())

    def _compute_soft(self, answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the divergence from the teacher: of softened classes, or the squared error."""
        import torch.nn.functional as F  # noqa: N812 -- its usual name

        if self._reader is None or self._reader.kind != "classes":
            return F.mse_loss(answer, target)
        axis, heat = self._reader.axis, self.config.temperature
        pupil, teacher = answer.movedim(axis, 1), target.movedim(axis, 1)
        soft = F.kl_div(
            F.log_softmax(pupil / heat, dim=1),
            F.softmax(teacher / heat, dim=1),
            reduction="batchmean",
        )
        return heat**2 * soft
