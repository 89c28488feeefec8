"""Prune stage: puts masks on a model's parameters; the masks can be taken off again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from prunepack.errors import PrunepackError
from prunepack.stages.calibration.measurement import measure_for_methods
from prunepack.stages.calibration.statistics import NO_STATISTICS, Statistics
from prunepack.stages.contract.model_spec import PrunedParameter
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint, OnnxModel
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.graphs.application import prune_graph
from prunepack.stages.models.checkpoints import digest_state, open_model, save_masked
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.pruning.application import apply_rule, resolve_scope
from prunepack.stages.pruning.assignment import assign_rules, check_prunable, exclude_targets
from prunepack.stages.pruning.groups.application import apply_to_groups, refuse_groups
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.pruning.methods import open_method
from prunepack.stages.pruning.parametrizations import find_roles
from prunepack.stages.pruning.recomputation import recompute_before_forward
from prunepack.stages.pruning.remarks import (
    remark_constant,
    remark_emptied,
    remark_excluded,
    remark_obstacles,
    remark_rescaled,
    remark_unreached,
)
from prunepack.stages.pruning.rules import Rule
from prunepack.stages.pruning.schedules import Round, Schedule
from prunepack.stages.pruning.targets import count_weights, prunable_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays
    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.pruning.targets import Prunable

__all__ = ["PruneConfig", "apply_rules", "choose_targets", "prune", "prune_onnx"]

SAMPLES = 4
"""Number of random samples that show whether the outputs still depend on the inputs."""


class PruneConfig(Rule):
    """The parameters to prune, the amount, and the rounds.

    The fields of a rule, given here, are one rule; ``rules`` holds several in their place.
    """

    rules: tuple[Rule, ...] = Field(
        (),
        description="One or more rules that replace the settings above; an example of one rule: "
        "layers=conv*,amount=0.2. The first rule that matches a parameter applies.",
    )
    exclude: tuple[str, ...] = Field(
        (),
        description="Layers that stay dense: names, globs, or the words 'first' and 'last' for "
        "the first and last layer with a weight matrix.",
    )
    schedule: Schedule = Field(
        "one_shot",
        description="one_shot: everything in one round; iterative: an equal fraction of the "
        "remaining weights in each round; linear: an equal number of weights in each round; cubic: "
        "large steps in the first rounds, small steps in the last.",
    )
    steps: int = Field(1, ge=1, description="Number of rounds; at least 2 unless one_shot.")
    step: int = Field(1, ge=1, description="Number of this round, from 1.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed for methods that use random numbers.")

    @model_validator(mode="after")
    def _rules_are_given_once(self) -> Self:
        both = [name for name in Rule.model_fields if name in self.model_fields_set]
        if self.rules and both:
            raise ValueError(
                f"rules and {', '.join(both)} are both given: give them in the rules, or leave "
                "the rules out"
            )
        return self

    @model_validator(mode="after")
    def _steps_fit_the_schedule(self) -> Self:
        if self.schedule == "one_shot" and self.steps > 1:
            raise ValueError(
                f"one_shot has 1 step, found {self.steps}: choose iterative, linear or cubic"
            )
        if self.schedule != "one_shot" and self.steps == 1:
            raise ValueError(f"{self.schedule} needs at least 2 steps, found 1: set steps")
        if self.step > self.steps:
            raise ValueError(f"there are {self.steps} steps, found step {self.step}")
        return self

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules, in order; the config itself if ``rules`` is empty."""
        return self.rules or (self,)

    @property
    def rounds(self) -> list[PruneConfig]:
        """One config per round; fine-tuning comes between one and the next."""
        return [self.model_copy(update={"step": step}) for step in range(1, self.steps + 1)]


@stage(produces=MaskedCheckpoint, tools=("torch", "safetensors"))
def prune(config: PruneConfig, out: Path, model: Checkpoint | MaskedCheckpoint) -> Facts:
    """Mask the weights that the rules choose; the weights under the masks do not change."""
    module, spec = open_model(model)
    before = spec.before_pruning if spec.pruned else digest_state(module.state_dict())
    inputs = random_inputs(spec.inputs, SAMPLES, config.seed)
    outputs = _compute_outputs(module, inputs)
    methods = [rule.method for rule in config.all_rules]
    jobs = apply_rules(config, module, measure_for_methods(methods, module, spec), inputs)
    remark_constant(outputs, _compute_outputs(module, inputs) if outputs else ())
    pruned = tuple(_list_pruned(module, spec, jobs))
    update = {"pruned": pruned, "before_pruning": before}
    save_masked(out, module, spec.model_copy(update=update))
    return _facts(module, config)


def _compute_outputs(module: nn.Module, inputs: Arrays) -> list[torch.Tensor]:
    """Return the outputs, or none of a model that cannot run on ``inputs``, as verify reports."""
    try:
        return [tensor.clone() for tensor in compute_tensors(module, inputs)]
    except PrunepackError:
        return []


def apply_rules(
    config: PruneConfig,
    module: nn.Module,
    statistics: Statistics = NO_STATISTICS,
    batch: ArrayMapping | None = None,
) -> list[tuple[Rule, list[Prunable]]]:
    """Put this round's masks on a live module; return the rules with the parameters of each.

    Args:
        config: The rules and the round.
        module: The module.
        statistics: Statistics on calibration samples, for methods that need them.
        batch: Inputs of the model, by which channel groups are found.

    Raises:
        UsageError: If a rule or an exclusion names no parameter, or a method cannot prune one.
    """
    import torch

    jobs = choose_targets(config, module)
    directions = [(t, t.scores) for _, ts in jobs for t in ts if t.roles[0].is_direction]
    this_round = Round(config.schedule, config.step, config.steps)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(config.seed + config.step - 1)
        for rule, targets in jobs:
            if rule.groups:
                apply_to_groups(rule, targets, module, batch, this_round)
            elif rule.method != "none":
                apply_rule(rule, targets, this_round, statistics)
    remark_emptied(target for _, targets in jobs for target in targets)
    remark_rescaled(directions)
    recompute_before_forward(module)
    return jobs


def choose_targets(config: PruneConfig, module: nn.Module) -> list[tuple[Rule, list[Prunable]]]:
    """Return the rules with the parameters that each prunes, and name those that stay dense."""
    if config.method == "none":
        return []
    targets = prunable_parameters(module)
    check_prunable(module, targets)
    layers = [name for name, _ in module.named_modules(remove_duplicate=False)]
    kept, excluded = exclude_targets(config.exclude, targets, layers)
    jobs = assign_rules(config.all_rules, kept, excluded)
    reached = [target for _, targets in jobs for target in targets]
    remark_excluded(excluded)
    remark_obstacles(module)
    remark_unreached(kept, reached)
    return jobs


@stage(name="prune", produces=OnnxModel, tools=("onnx", "numpy"))
def prune_onnx(config: PruneConfig, out: Path, model: OnnxModel) -> Facts:
    """Set weights of an ONNX model to zero, in all rounds at once; it needs no torch."""
    if config.method == "identity":
        remark("the source is pruned, so it is not pruned further")
    elif not config.model_fields_set:
        remark(f"no [prune] table: {100 * config.amount:g} % pruned by default")
    refuse_groups(config.all_rules)
    if config.method == "none":
        config = config.model_copy(update={"method": "identity"})
    rounds = [Round(each.schedule, each.step, each.steps) for each in config.rounds]
    return prune_graph(model, out, config.all_rules, rounds, config.seed, config.exclude)


def _list_pruned(
    module: nn.Module, spec: ModelSpec, jobs: Sequence[tuple[Rule, Sequence[Prunable]]]
) -> Iterator[PrunedParameter]:
    """Yield every parameter that has a mask, with the methods that made it, oldest first."""
    earlier = {(entry.layer, entry.parameter): entry.methods for entry in spec.pruned}
    find_role = find_roles(module)
    now = {
        (id(place.module), place.parameter): (rule.method,)
        for rule, targets in jobs
        for target in targets
        for place in target.places
        if rule.method != "none"
    }
    for place in pruned_parameters(module):
        methods = earlier.get((place.layer, place.parameter), ())
        methods += now.get((id(place.module), place.parameter), ())
        weight = find_role(place).name
        yield PrunedParameter(
            layer=place.layer, parameter=place.parameter, methods=methods, weight=weight
        )


def _facts(module: nn.Module, config: PruneConfig) -> Facts:
    pruned, total, prunable = count_weights(module)
    tensors = len({id(place.original) for place in pruned_parameters(module)})
    sparsity = pruned / total if total else 0.0
    dense = f", {100 * pruned / prunable:.1f} % of all {prunable:,}" if prunable > total else ""
    return {
        "summary": f"{100 * sparsity:.1f} % of {total:,} weights pruned{dense}, "
        f"{_describe(config)}",
        "sparsity": sparsity,
        "pruned": pruned,
        "weights": total,
        "prunable": prunable,
        "tensors": tensors,
    }


def _describe(config: PruneConfig) -> str:
    """Return the method or the number of rules, and the round if there are several."""
    first, *more = config.all_rules
    if first.method == "none" and not more:
        return "by earlier masks alone"
    text = f"{first.method} {resolve_scope(first, open_method(first.method))}"
    if more:
        text = f"{len(config.rules)} rules"
    return text + (f", round {config.step} of {config.steps}" if config.steps > 1 else "")
