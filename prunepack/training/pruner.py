"""Pruner: masks on a live model that grow by a schedule."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from prunepack.arguments import check_arguments
from prunepack.errors import UsageError
from prunepack.training.schedule import SCHEDULE
from prunepack.training.settings import read_settings, require_build, unwrap_module

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from prunepack.stages.prune import PruneConfig
    from prunepack.training.schedule import Schedule

__all__ = ["Pruner"]

_log = logging.getLogger("prunepack")


class Pruner:
    """Masks on a live model that grow by a schedule while it is trained.

    The masks, of ones at first, are put on when the pruner is made: make it before the model is
    wrapped, compiled or loaded from a checkpoint of an earlier pruner. The optimizer may be made
    before or after. A pruned weight stays pruned, whatever the optimizer does. In several
    processes all have the masks of process 0.

    Args:
        model: The model, which is changed in place; a DistributedDataParallel or a compiled module
            is looked into.
        schedule: The course of the sparsity.
        **settings: The settings of a ``[prune]`` table: ``amount``, ``method``, ``layers``,
            ``exclude``, ``scope``, ``min_left``, ``seed``, ``rules``, ….

    Raises:
        UsageError: If a setting is wrong, or a rule names no layer.
    """

    @check_arguments(schedule=SCHEDULE)
    def __init__(self, model: nn.Module, schedule: Schedule, **settings: Any) -> None:
        self._model, self._schedule = unwrap_module(model), schedule
        self._config = _make_config(schedule, settings)
        self._calls = 0
        self._remarks: list[str] = []
        self._is_final = False
        self._put_ones()

    @property
    def masks(self) -> dict[str, torch.Tensor]:
        """The mask of each parameter by its name: 1 for remaining weights."""
        from prunepack.stages.pruning.masks import pruned_parameters

        return {place.name: place.mask for place in pruned_parameters(self._model)}

    @property
    def sparsity(self) -> float:
        """The fraction of the masked weights that is pruned now."""
        from prunepack.stages.pruning.masks import count_pruned_weights

        pruned, total = count_pruned_weights(self._model)
        return pruned / total if total else 0.0

    @property
    def is_done(self) -> bool:
        """Whether the schedule has come to its end."""
        return self._calls >= self._schedule.start + self._schedule.steps

    @property
    def remarks(self) -> tuple[str, ...]:
        """The assumptions made so far; each was also logged, as a warning of ``prunepack``."""
        return tuple(self._remarks)

    def step(self) -> bool:
        """Count one step of the optimizer, and prune if the schedule says so.

        Returns:
            Whether weights were pruned.

        Raises:
            UsageError: If the masks are permanent already.
        """
        if self._is_final:
            raise UsageError(
                "the pruner cannot step",
                expected="masks",
                found="none: finalize() made them permanent",
                hint="Call finalize() after the last step",
            )
        self._calls += 1
        number = self._schedule.find_round(self._calls)
        if number:
            self._prune(number)
        return bool(number)

    def finalize(self) -> float:
        """Make the masks permanent: pruned weights become +0.0; return the sparsity.

        Call it after the last step of the optimizer, whose momentum would revive them.

        Raises:
            RefusedError: If a weight is NaN or Inf.
        """
        from prunepack.stages.finalize import remove_masks
        from prunepack.stages.pruning.recomputation import stop_recomputing

        sparsity = self.sparsity
        remove_masks(self._model)
        stop_recomputing(self._model)
        self._is_final = True
        return sparsity

    def state_dict(self) -> dict[str, int]:
        """Return the number of calls so far; the masks are in the model's state dict."""
        return {"calls": self._calls}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Continue from ``state``, with a model that was loaded from its own state dict."""
        from prunepack.stages.pruning.recomputation import recompute_masked_weights

        self._calls = state["calls"]
        recompute_masked_weights(self._model)

    def _put_ones(self) -> None:
        import torch

        from prunepack.stages.contract.progress import collect_remarks
        from prunepack.stages.prune import choose_targets
        from prunepack.stages.pruning.masks import put_mask
        from prunepack.stages.pruning.recomputation import recompute_before_forward

        with collect_remarks() as remarks:
            jobs = choose_targets(self._config, self._model)
        self._log(remarks)
        for _, targets in jobs:
            for target in targets:
                for place in target.places:
                    shape = getattr(place.module, place.parameter)
                    put_mask(place.module, place.parameter, torch.ones_like(shape))
        recompute_before_forward(self._model)

    def _prune(self, number: int) -> None:
        from prunepack.stages.contract.progress import collect_remarks
        from prunepack.stages.prune import apply_rules
        from prunepack.stages.pruning.recomputation import recompute_masked_weights

        recompute_masked_weights(self._model)  # the last forward pass was before the optimizer
        with collect_remarks() as remarks:
            apply_rules(self._config.model_copy(update={"step": number}), self._model)
        self._log(remarks)
        self._share_masks()
        recompute_masked_weights(self._model)

    def _share_masks(self) -> None:
        """Give every process the masks of process 0."""
        from torch import distributed

        if distributed.is_available() and distributed.is_initialized():
            for mask in self.masks.values():
                distributed.broadcast(mask, src=0)

    def _log(self, remarks: list[str]) -> None:
        for text in remarks:
            if text not in self._remarks:
                self._remarks.append(text)
                _log.warning("%s", text)


def _make_config(schedule: Schedule, settings: Mapping[str, Any]) -> PruneConfig:
    """Return the settings as the config of the prune stage.

    Raises:
        UsageError: If a setting is wrong, or prunepack is installed without its build side.
    """
    with require_build("the pruner cannot be made"):
        from prunepack.stages.prune import PruneConfig
    own = {"schedule": schedule.kind, "steps": schedule.rounds, "step": 1}
    return read_settings(PruneConfig, {**settings, **own}, "the pruner", "prune")
