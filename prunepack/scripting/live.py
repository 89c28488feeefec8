"""Pruning of live modules: masks put on, and masks made permanent."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.training.settings import read_settings, require_build, unwrap_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeVar

    from torch import nn

    from prunepack.scripting.live_models import Inputs, Value
    from prunepack.stages.calibration.statistics import Statistics
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.prune import PruneConfig

    M = TypeVar("M", bound=nn.Module)

__all__ = ["finalize", "log_remarks", "prune"]

_log = logging.getLogger("prunepack")


def prune(
    model: M,
    amount: float | None = None,
    *,
    inputs: Inputs | None = None,
    labels: Value | None = None,
    **settings: Any,
) -> M:
    """Put pruning masks on a module, as the stage ``prune`` does.

    The masks are those of ``torch.nn.utils.prune``; a second call prunes the remaining weights
    further. The default method removes the weights of the smallest magnitude (Han et al.,
    "Learning both Weights and Connections for Efficient Neural Networks", NeurIPS 2015).

    Args:
        model: The module, which is changed in place; a compiled or parallel one is looked into.
        amount: Fraction of the weights to prune, or a number of weights; the default is 0.9.
        inputs: Samples for methods such as ``wanda``, and for ``groups``: a tensor or an array with
            the batch as first axis, several in a tuple in the order of ``forward``, or in a
            dictionary by its arguments.
        labels: Labels of the samples, for methods such as ``taylor``.
        **settings: Settings of a ``[prune]`` table; a ``schedule`` needs the number ``step`` too.

    Returns:
        The model itself. Assumptions are logged as warnings of the logger ``prunepack``.

    Raises:
        UsageError: If a setting is wrong, a rule names no layer, or inputs are missing.
        RefusedError: If the model cannot run on the inputs.
    """
    with require_build("prunepack.prune cannot be called"):
        from prunepack.scripting.live_models import name_inputs
        from prunepack.stages.prune import PruneConfig
    settings |= {} if amount is None else {"amount": amount}
    config = read_settings(PruneConfig, settings, "prunepack.prune", "prune")
    _check_single_round(config)
    module = unwrap_module(model)
    with log_remarks():
        _put_masks(config, module, {} if inputs is None else name_inputs(module, inputs), labels)
    return model


def _check_single_round(config: PruneConfig) -> None:
    """Refuse a schedule without the number of its round, for training comes between rounds."""
    if config.steps > 1 and "step" not in config.model_fields_set:
        raise UsageError(
            "prunepack.prune does one round, and a schedule needs training between its rounds",
            expected=f"no schedule, or the number of the round: step=1 to step={config.steps}",
            found=f"schedule={config.schedule!r}, steps={config.steps}",
            hint="Use prunepack.training.Pruner in a training loop, or leave out schedule and "
            "steps to prune the whole amount now",
        )


def _put_masks(config: PruneConfig, module: nn.Module, arrays: Arrays, labels: object) -> None:
    """Put masks on, and tell if the outputs on the inputs no longer depend on these."""
    from prunepack.scripting.live_models import run_quietly
    from prunepack.stages.prune import apply_rules
    from prunepack.stages.pruning.remarks import remark_constant

    if not arrays and any(rule.groups for rule in config.all_rules):
        raise _miss_inputs("channel groups are found by a run on samples")
    before = run_quietly(module, arrays)
    statistics = _measure_statistics(config, module, arrays, labels)
    apply_rules(config, module, statistics, arrays)
    remark_constant(before, run_quietly(module, arrays))


def _measure_statistics(
    config: PruneConfig, module: nn.Module, arrays: Arrays, labels: object
) -> Statistics:
    """Return the statistics on the samples that the methods of ``config`` need."""
    from prunepack.scripting.live_models import evaluating, hold_samples
    from prunepack.stages.calibration.measurement import list_needs, measure_statistics
    from prunepack.stages.calibration.statistics import NO_STATISTICS

    methods = sorted({rule.method for rule in config.all_rules})
    needs = list_needs(methods)
    if not needs:
        return NO_STATISTICS
    if not arrays:
        raise _miss_inputs(f"the method {' and '.join(methods)} ranks weights by samples")
    with evaluating(module):
        return measure_statistics(module, hold_samples(arrays, labels), needs)


def _miss_inputs(what: str) -> UsageError:
    return UsageError(
        what,
        expected="inputs: samples of the inputs of the model",
        found="none",
        hint="Pass a batch of training samples as inputs",
    )


def finalize(model: M, inputs: Inputs | None = None, **settings: Any) -> M:
    """Make the pruning masks of a module permanent, as the stage ``finalize`` does.

    Each weight becomes ``weight_orig * weight_mask``, a plain parameter again, in which every
    pruned weight is +0.0. (``prune.remove`` of torch leaves -0.0 for negative weights, which
    compresses worse.) Call it after the last step of the optimizer, whose momentum would revive
    pruned weights.

    Args:
        model: The module, which is changed in place.
        inputs: Samples, as in :func:`prune`; the outputs on them before and after must be equal.
        **settings: Settings of a ``[finalize]`` table: ``flush_denormals``.

    Returns:
        The model itself.

    Raises:
        UsageError: If the model has no masks, or a setting is wrong.
        RefusedError: If a weight is NaN or Inf, or an output changed.
    """
    with require_build("prunepack.finalize cannot be called"):
        from prunepack.scripting.live_models import evaluating, name_inputs
        from prunepack.stages.finalize import FinalizeConfig, make_permanent
        from prunepack.stages.models.denormals import keep_denormals
        from prunepack.stages.pruning.masks import pruned_parameters
        from prunepack.stages.pruning.recomputation import stop_recomputing
    config = read_settings(FinalizeConfig, settings, "prunepack.finalize", "finalize")
    module = unwrap_module(model)
    if not any(pruned_parameters(module)):
        raise UsageError(
            "the model has no pruning masks",
            expected="masks of torch.nn.utils.prune",
            hint="Call prunepack.prune(model, amount=0.9) first",
        )
    with log_remarks(), keep_denormals(), evaluating(module):
        batches = [] if inputs is None else [name_inputs(module, inputs)]
        make_permanent(config, module, batches)
        stop_recomputing(module)
    return model


@contextmanager
def log_remarks() -> Iterator[None]:
    """Log the assumptions that are made inside the block, as warnings."""
    from prunepack.stages.contract.progress import collect_remarks

    with collect_remarks() as remarks:
        yield
    for text in remarks:
        _log.warning("%s", text)
