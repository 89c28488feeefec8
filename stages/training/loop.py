"""Training loop, with or without masks; it keeps the best epoch."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import note, remark
from prunepack.stages.data.splits import check_end
from prunepack.stages.pruning.recomputation import recompute_masked_weights
from prunepack.stages.training.config import choose_device
from prunepack.stages.training.epochs import Epochs
from prunepack.stages.training.precision import hold_in_float32
from prunepack.stages.training.ranks import ALONE, Ranks
from prunepack.stages.training.scoring import Score, measure_score
from prunepack.stages.training.state import read_state, write_state

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import AnySplit, Data
    from prunepack.stages.training.config import TrainConfig

__all__ = ["Fitted", "fit"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a training.

    Attributes:
        best_epoch: The epoch whose weights were kept; 0 for the weights before the first epoch.
        before: The score on the validation split before the first epoch.
        after: The score on the validation split at the best epoch.
    """

    best_epoch: int
    before: Score
    after: Score

    @property
    def validation(self) -> float:
        """Accuracy at the best epoch as a fraction, or the loss where labels are not classes."""
        return self.after.value

    def list_scores(self) -> dict[str, float | str]:
        """Return both scores, accuracy in %, and their unit; none unless they are finite."""
        scale, unit = (100.0, "%") if self.after.is_accuracy else (1.0, "")
        before, after = (round(scale * one.value, 9) for one in (self.before, self.after))
        if not math.isfinite(before) or not math.isfinite(after):
            return {}
        return {"before": before, "after": after, "unit": unit}


def fit(
    model: nn.Module,
    data: Data,
    config: TrainConfig,
    teacher: nn.Module | None = None,
    *,
    folder: Path | None = None,
    ranks: Ranks = ALONE,
) -> Fitted:
    """Fit ``model`` in place and leave it, in evaluation mode, with its best epoch's weights.

    The best epoch is the first one with the best score on the validation split; the weights before
    training are kept only if every epoch is worse. The test split is not used. A training that was
    killed continues from its last epoch in ``folder``. All processes in ``ranks`` call this
    function, and end with the same weights.

    Raises:
        UsageError: If there are no training and validation samples, or no such device.
        RefusedError: If samples or labels do not fit the model, or the processes differ.
    """
    import torch

    if not data.train or not data.validation:
        raise UsageError(
            "the dataset cannot be trained on", expected="train and validation splits", found="none"
        )
    for split in (data.train, data.validation):
        check_end(split, config.samples, "finetune.samples")
    device = choose_device(config.device)
    model.to(device)
    with torch.random.fork_rng(), hold_in_float32(model), hold_in_float32(teacher):
        torch.manual_seed(config.seed)
        epochs = Epochs(model, data.train, config, teacher, device, ranks)
        fitted = _Course(model, data.validation, config, folder, ranks).run(epochs, device)
    model.to("cpu").eval()
    return fitted


class _Course:
    """The epochs of a training, the best weights so far, and a state to continue from."""

    def __init__(
        self,
        model: nn.Module,
        validation: AnySplit,
        config: TrainConfig,
        folder: Path | None,
        ranks: Ranks,
    ) -> None:
        self._model, self._validation, self._config = model, validation, config
        self._folder, self._ranks = folder, ranks
        self._done = 0
        self._best: Fitted
        self._kept: dict[str, Any]

    def run(self, epochs: Epochs, device: torch.device) -> Fitted:
        """Train for the epochs that a killed training has not done, and keep the best weights."""
        if not self._resume(epochs, device):
            before = self._measure()
            self._best, self._kept = Fitted(0, before, before), _copy_state(self._model)
        for epoch in range(self._done + 1, self._config.epochs + 1):
            epochs.run(epoch)
            self._ranks.share_buffers(self._model)
            self._ranks.check_equal(self._model)
            self._judge(epoch, self._measure())
            self._save(epochs)
        if self._config.epochs and not self._best.best_epoch:
            remark("training made the model worse on the validation split: epoch 0 kept")
        self._model.load_state_dict(self._kept)
        recompute_masked_weights(self._model)
        return self._best

    def _judge(self, epoch: int, score: Score) -> None:
        """Keep the weights of ``epoch`` if its score is the best so far."""
        best, self._done = self._best, epoch
        note(f"epoch {epoch}: {score.text} on {score.samples:,} validation samples")
        if score.is_better_than(best.after) or (not best.best_epoch and score == best.after):
            self._best = Fitted(epoch, best.before, score)
            self._kept = _copy_state(self._model)

    def _measure(self) -> Score:
        """Return the score of process 0 in every process; weights that are not finite have NaN."""
        lead = self._ranks.rank == 0
        score = measure_score(self._model, self._validation, self._config) if lead else None
        score = self._ranks.broadcast(score)
        assert score is not None
        broken = any(not tensor.isfinite().all() for tensor in self._model.parameters())
        return replace(score, value=math.nan) if broken else score

    def _save(self, epochs: Epochs) -> None:
        """Write the state after an epoch; a training that continues from it has the same bits."""
        if self._folder is None or self._ranks.rank:
            return
        before, after = (astuple(score) for score in (self._best.before, self._best.after))
        state = {
            "done": self._done,
            "best": (self._best.best_epoch, before, after),
            "kept": self._kept,
            "model": self._model.state_dict(),
            **epochs.collect_state(),
        }
        write_state(self._folder, state)

    def _resume(self, epochs: Epochs, device: torch.device) -> bool:
        """Continue from the state of a killed training, and return whether there is one."""
        state = read_state(self._folder, device) if self._folder else None
        done = state["done"] if state else 0
        if self._ranks.broadcast(done) != done:
            raise UsageError(
                f"process {self._ranks.rank} cannot read the state of the training",
                expected=f"the files of process 0 in `{self._folder}`",
                found="none, or others",
                hint="Put --artifacts on a disk that all machines share",
            )
        if state is None:
            return False
        best, before, after = state["best"]
        self._model.load_state_dict(state["model"])
        self._best = Fitted(best, Score(*before), Score(*after))
        self._done, self._kept = done, state["kept"]
        epochs.load_state(state)
        note(f"the training continues after epoch {done}")
        return True


def _copy_state(model: nn.Module) -> dict[str, Any]:
    """Return a copy of the state dict; extra state is a value of the model's own."""
    import torch

    state = model.state_dict()
    return {k: v.clone() if isinstance(v, torch.Tensor) else deepcopy(v) for k, v in state.items()}
