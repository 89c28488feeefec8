"""Put masks on a model's parameters: the pruning itself, which can be undone."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from prunepack.errors import PrunepackError, UsageError
from prunepack.stages.contract.model_spec import PrunedParameter
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.models.checkpoints import open_model, save_masked, state_digest
from prunepack.stages.pruning.masks import (
    Pruned,
    prunable_parameters,
    pruned_parameters,
    put_mask,
    sparsity,
    units,
)
from prunepack.stages.pruning.methods import method_of
from prunepack.stages.pruning.rules import Rule, assign
from prunepack.stages.pruning.schedules import Schedule, cumulative

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.pruning.masks import Prunable
    from prunepack.stages.pruning.methods import Method

__all__ = ["PruneConfig", "prune"]


class PruneConfig(Rule):
    """What is pruned, how much, and over how many rounds.

    The fields of a rule, given here, are one rule; ``rules`` takes several in their place.
    """

    rules: tuple[Rule, ...] = Field(
        (), description="Several rules; the first that matches a layer's parameter wins."
    )
    schedule: Schedule = Field(
        "one_shot",
        description="one_shot: all at once; iterative: an equal fraction of what is left in each "
        "round; cubic: much at first, little at last.",
    )
    steps: int = Field(1, ge=1, description="Rounds of a schedule that is not one_shot.")
    step: int = Field(1, ge=1, description="Which of these rounds this is, from 1.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the methods that draw at random.")

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        both = [name for name in Rule.model_fields if name in self.model_fields_set]
        if self.rules and both:
            raise ValueError(
                f"rules and {', '.join(both)} are both given: say it in the rules, or without them"
            )
        return self

    @model_validator(mode="after")
    def _steps_fit_the_schedule(self) -> Self:
        if self.schedule == "one_shot" and self.steps > 1:
            raise ValueError(
                f"one_shot has 1 step, found {self.steps}: choose the schedule iterative or cubic"
            )
        if self.schedule != "one_shot" and self.steps == 1:
            raise ValueError(f"{self.schedule} needs 2 steps or more, found 1: set steps")
        if self.step > self.steps:
            raise ValueError(f"there are {self.steps} steps, found step {self.step}")
        return self

    @property
    def in_force(self) -> tuple[Rule, ...]:
        """The rules to follow, in order."""
        return self.rules or (self,)

    @property
    def rounds(self) -> list[PruneConfig]:
        """One config for each round, to be walked with fine-tuning in between."""
        every = range(1, self.steps + 1)
        return [self.model_copy(update={"step": step}) for step in every]


@stage(produces=MaskedCheckpoint, tools=("torch", "safetensors"))
def prune(config: PruneConfig, out: Path, model: Checkpoint | MaskedCheckpoint) -> Facts:
    """Mask the weights that the rules choose; the weights under the masks stay as they are."""
    import torch

    module, spec = open_model(model)
    before = spec.before_pruning if spec.pruned else state_digest(module.state_dict())
    jobs = assign(config.in_force, prunable_parameters(module))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(config.seed + config.step - 1)
        for rule, targets in jobs:
            _apply(rule, targets, config)
    pruned = tuple(_history(module, spec, jobs))
    update = {"pruned": pruned, "before_pruning": before}
    save_masked(out, module, spec.model_copy(update=update))
    return _facts(module, config)


def _apply(rule: Rule, targets: Sequence[Prunable], config: PruneConfig) -> None:
    """Prune ``targets``, each by itself or all together, as the rule's scope says."""
    method = method_of(rule.method)
    together = _scope(rule, method) == "global"
    if together and method.kind != "unstructured":
        raise _not_together(rule, method)
    for group in [targets] if together else [[target] for target in targets]:
        with _blaming(rule, group):
            masks = [target.mask for target in group]
            arguments = dict(method.arguments(rule, group[0].name, group[0].tensor))
            if method.takes_amount:
                arguments["amount"] = _amount(rule, method, arguments, masks, config)
            _call_torch(method, group, arguments, together=together)
            for target, mask in zip(group, masks, strict=True):
                _settle(rule, target, mask)


def _scope(rule: Rule, method: Method) -> str:
    return method.scope if rule.scope == "auto" else rule.scope


def _not_together(rule: Rule, method: Method) -> UsageError:
    reason = {
        "structured": "channels of different layers differ in size, so their norms do not compare",
        "global": "its mask depends on the shape of the tensor",
    }[method.kind]
    return UsageError(
        f"{rule.method} cannot prune several tensors together ({reason})",
        expected="scope local, or a method that ranks single weights",
        found="scope global",
    )


@contextmanager
def _blaming(rule: Rule, group: Sequence[Prunable]) -> Iterator[None]:
    """Turn what torch or the user's class raises into an error that says where."""
    try:
        yield
    except PrunepackError:
        raise
    except Exception as error:
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        raise UsageError(
            f"{rule.method} cannot prune {group[0].name}{more}",
            found=f"{type(error).__name__}: {error}",
            hint="Change the method's options, or leave the layer out with the rule's layers.",
        ) from error


def _amount(
    rule: Rule,
    method: Method,
    arguments: Mapping[str, Any],
    masks: Sequence[torch.Tensor],
    config: PruneConfig,
) -> int | float:
    """Return what this round prunes, as torch counts it: of what earlier pruning left."""
    dim, unit = None, "weights"
    if method.kind == "structured":
        dim = method.pruning_class(**arguments, amount=rule.amount).dim  # type: ignore[attr-defined, call-arg]
        unit = f"channels along dim {dim}"
    total, left = units(masks, dim)
    one_shot = config.schedule == "one_shot"
    most = left if one_shot else total
    if isinstance(rule.amount, int) and rule.amount > most:
        raise UsageError(
            f"{rule.method} on layers {rule.layers!r}",
            expected=f"an amount of at most {most:,} {unit}",
            found=f"{rule.amount:,}",
            hint="A number without a point is a count: 0.9 is a fraction, 100 is not.",
        )
    if one_shot:
        return rule.amount
    due = cumulative(config.schedule, rule.amount, total, config.step, config.steps)
    return max(0, due - (total - left))


def _call_torch(
    method: Method, group: Sequence[Prunable], arguments: Mapping[str, Any], *, together: bool
) -> None:
    from torch.nn.utils import prune as torch_prune

    places = [(target.places[0].module, target.places[0].parameter) for target in group]
    if together:
        torch_prune.global_unstructured(places, method.pruning_class, **arguments)
    else:
        method.pruning_class.apply(*places[0], **arguments)


def _settle(rule: Rule, target: Prunable, before: torch.Tensor) -> None:
    """Check the new mask of ``target`` and put it wherever else the parameter is held.

    Raises:
        UsageError: If it is not a mask, or brings back what was pruned.
    """
    first, *others = target.places
    pruned = Pruned(first.layer, first.module, first.parameter)
    mask = pruned.mask.to(before.dtype)
    problem = _problem(mask, before)
    if problem:
        expected, found = problem
        raise UsageError(
            f"the mask of {pruned.name}, {rule.method}", expected=expected, found=found
        )
    pruned.module.register_buffer(f"{pruned.parameter}_mask", mask)
    for place in others:
        put_mask(place.module, place.parameter, mask)


def _problem(mask: torch.Tensor, before: torch.Tensor) -> tuple[str, str] | None:
    """Return (expected, found) if ``mask`` is not one that prunes ``before`` further."""
    if mask.shape != before.shape:
        return f"the shape {tuple(before.shape)}", str(tuple(mask.shape))
    if not bool(((mask == 0) | (mask == 1)).all()):
        return "zeros and ones", "other values"
    revived = int((mask > before).sum())
    if revived:
        return "what was pruned to stay pruned", f"{revived:,} weights brought back"
    return None


def _history(
    module: nn.Module, spec: ModelSpec, jobs: Sequence[tuple[Rule, Sequence[Prunable]]]
) -> Iterator[PrunedParameter]:
    """Yield every parameter with a mask on, with the methods that made it, oldest first."""
    earlier = {(one.layer, one.parameter): one.methods for one in spec.pruned}
    now = {id(t.tensor): rule.method for rule, targets in jobs for t in targets}
    for one in pruned_parameters(module):
        methods = earlier.get((one.layer, one.parameter), ())
        if id(one.original) in now:
            methods = (*methods, now[id(one.original)])
        yield PrunedParameter(layer=one.layer, parameter=one.parameter, methods=methods)


def _facts(module: nn.Module, config: PruneConfig) -> Facts:
    pruned, total = sparsity(module)
    tensors = len({id(one.original) for one in pruned_parameters(module)})
    share = pruned / total if total else 0.0
    return {
        "summary": f"{100 * share:.1f} % of {total:,} weights pruned, {_how(config)}",
        "sparsity": share,
        "pruned": pruned,
        "weights": total,
        "tensors": tensors,
    }


def _how(config: PruneConfig) -> str:
    first, *more = config.in_force
    how = f"{first.method} {_scope(first, method_of(first.method))}"
    if more:
        how = f"{len(config.rules)} rules"
    return how + (f", round {config.step} of {config.steps}" if config.steps > 1 else "")
