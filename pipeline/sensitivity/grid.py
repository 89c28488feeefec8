"""Grid of probes: each layer alone, by each method and amount."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.pipeline.sensitivity.probe import ProbeConfig, probe
from prunepack.pipeline.sensitivity.reference import SampleConfig
from prunepack.stages.contract.messages import list_names
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.progress import track
from prunepack.stages.details.sensitivity import Curve, CurvePoint
from prunepack.stages.metrics.metric import metrics_from_json
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.prune import PruneConfig
from prunepack.stages.pruning.assignment import check_prunable, exclude_targets
from prunepack.stages.pruning.methods import open_method
from prunepack.stages.pruning.rules import Rule
from prunepack.stages.pruning.targets import prunable_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.runner import Runner
    from prunepack.pipeline.sensitivity.config import SensitivityConfig
    from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
    from prunepack.stages.metrics.metric import Metric

__all__ = ["Measurement", "Prober", "list_layers", "make_rule", "measure_curves"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of a probe.

    Attributes:
        metric: ``accuracy`` or ``metric``.
        dense: The metric of the dense model.
        value: That of the pruned model.
        drop: The loss from dense to pruned.
        error: The squared error of the judged output.
        zeros: The number of zeros.
        weights: The number of prunable weights.
        bytes: Bytes of the packed weights; None if they were not weighed.
        samples: The samples.
    """

    metric: str
    dense: Metric
    value: Metric
    drop: Metric
    error: float
    zeros: int
    weights: int
    bytes: int | None
    samples: str

    @property
    def sparsity(self) -> float:
        """Zeros of all prunable weights, as a fraction."""
        return self.zeros / self.weights


@dataclass(frozen=True, slots=True)
class Prober:
    """Caller of probes on one model; each probe is stored or measured.

    Attributes:
        run: The runner with the store.
        model: The dense model.
        judge: The samples and the metric.
        seed: The seed of the methods.
    """

    run: Runner
    model: Checkpoint | MaskedCheckpoint
    judge: SampleConfig
    seed: int

    @classmethod
    def make(
        cls,
        run: Runner,
        plan: Plan,
        model: Checkpoint | MaskedCheckpoint,
    ) -> Prober:
        """Return the prober of a plan, which judges as ``verify`` does."""
        settings, verify = plan.sensitivity, plan.verify
        judge = SampleConfig(
            samples=settings.samples,
            split=settings.split,
            inputs=verify.inputs,
            metric=verify.metric,
            arguments=verify.arguments,
            answer=verify.answer,
            batch_size=verify.batch_size,
            seed=verify.seed,
            export=plan.export,
        )
        return cls(run, model, judge, settings.seed)

    def measure(self, config: PruneConfig, *, weigh: bool = False) -> Measurement:
        """Return the result of a probe of ``config``."""
        settings = ProbeConfig(prune=config, judge=self.judge, weigh=weigh)
        output = self.run(probe, settings, self.model)
        content = output.content
        metrics = metrics_from_json(content["metrics"], output.file)
        name = "metric" if "metric.drop" in metrics else "accuracy"
        count = int(metrics[f"{name}.samples"].value)
        return Measurement(
            metric=name if name == "accuracy" else self._name_metric(metrics["metric.dense"]),
            dense=metrics[f"{name}.dense"],
            value=metrics[f"{name}.pruned"],
            drop=metrics[f"{name}.drop"],
            error=metrics["error"].value,
            zeros=content["zeros"],
            weights=content["weights"],
            bytes=content["bytes"],
            samples=f"{count:,} samples of {content['samples']}",
        )

    def _name_metric(self, dense: Metric) -> str:
        """Return the name of the metric; one that the labels chose begins the note."""
        return self.judge.metric or dense.note.partition(",")[0]

    def measure_rules(self, rules: Sequence[Rule], *, weigh: bool = False) -> Measurement:
        """Return the result of a probe of ``rules``."""
        fields = {"rules": tuple(rules)} if rules else {"method": "none"}
        return self.measure(PruneConfig.model_validate(fields | {"seed": self.seed}), weigh=weigh)


def list_layers(
    model: Checkpoint | MaskedCheckpoint, exclude: Sequence[str], patterns: Sequence[str]
) -> dict[str, int]:
    """Return the number of weights of each layer that rules can prune, in the order of the model.

    A weight that several layers share counts for the first one.

    Args:
        model: The model.
        exclude: The layers that stay dense, as of ``prune.exclude``.
        patterns: Names and globs of the layers to return; all if it is empty.

    Raises:
        UsageError: If the model has none, or a pattern names none.
    """
    module, _ = open_model(model)
    targets = prunable_parameters(module)
    check_prunable(module, targets)
    names = [name for name, _ in module.named_modules(remove_duplicate=False)]
    kept, _ = exclude_targets(exclude, targets, names)
    layers: dict[str, int] = {}
    for target in kept:
        if target.is_weight:
            layer = target.roles[0].layer
            layers[layer] = layers.get(layer, 0) + target.tensor.numel()
    chosen = {name for pattern in patterns for name in _match(pattern, layers)}
    return {name: count for name, count in layers.items() if not patterns or name in chosen}


def _match(pattern: str, layers: Mapping[str, int]) -> list[str]:
    found = [name for name in layers if name == pattern or fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise UsageError(
            f"sensitivity.layers names no layer: `{pattern}`",
            expected="the name of a prunable layer, or a glob over names",
            found=list_names(layers) or "no prunable layer",
            hint=suggest_name(pattern, layers).replace("'", "`") if layers else None,
        )
    return found


def make_rule(layer: str, method: str, amount: float) -> Rule:
    """Return the rule that prunes ``amount``, a fraction, of one layer alone."""
    is_plain = layer and not re.search(r"[*?\[]", layer) and not layer.startswith("re:")
    pattern = layer if is_plain else f"re:{re.escape(layer)}"
    return Rule(layers=pattern, method=method, amount=float(amount), scope="local")


def check_methods(methods: Sequence[str]) -> None:
    """Refuse methods whose amount cannot be varied.

    Raises:
        UsageError: If there is one.
    """
    for method in methods:
        if not open_method(method).takes_amount:
            raise UsageError(
                f"`{method}` has no amount to vary",
                expected="a method that prunes an amount, such as l1_unstructured",
                found="a method whose mask has a fixed number of weights",
                hint="Choose other methods with sensitivity.methods",
            )


def measure_curves(
    prober: Prober, config: SensitivityConfig, layers: Mapping[str, int]
) -> list[Curve]:
    """Return one curve per method and layer.

    Raises:
        UsageError: If a method has no amount, or cannot prune one of the layers.
    """
    check_methods(config.methods)
    points = [
        (method, layer, amount)
        for method in config.methods
        for layer in layers
        for amount in config.amounts
    ]
    found: dict[tuple[str, str], list[CurvePoint]] = {}
    for method, layer, amount in track(points, "measuring layers", len(points)):
        measured = prober.measure_rules([make_rule(layer, method, amount)])
        found.setdefault((method, layer), []).append(_make_point(amount, measured))
    return [
        Curve(layer=layer, method=method, weights=layers[layer], points=tuple(curve))
        for (method, layer), curve in found.items()
    ]


def _make_point(amount: float, measured: Measurement) -> CurvePoint:
    drop = measured.drop
    return CurvePoint(
        amount=amount,
        value=measured.value.value,
        drop=drop.value,
        low=drop.value if drop.low is None else drop.low,
        high=drop.value if drop.high is None else drop.high,
        error=measured.error,
    )
