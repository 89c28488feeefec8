"""Benchmark of scores of weights: the metric at equal sparsity, without training.

``python -m benchmarks.scores`` prunes LeNet-300-100 and CREPE by each method, and by the rules that
``prunepack sensitivity`` suggests, and measures the test split. LeNet is pruned in rounds and
fine-tuned, too. Rules are chosen on other samples than those that judge them. Nothing is timed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results import read_result, write_result
from prunepack.errors import PrunepackError
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.recipe import read_recipe
from prunepack.pipeline.runner import Runner
from prunepack.pipeline.sensitivity.grid import Prober, list_layers, measure_curves
from prunepack.pipeline.sensitivity.sharing import sharing
from prunepack.pipeline.sensitivity.suggestion import Suggester
from prunepack.stages.data.downloads import cache_folder
from prunepack.stages.finetune import finetune
from prunepack.stages.load import load
from prunepack.stages.prune import PruneConfig, prune

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.pipeline.plan import Plan
    from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint

__all__ = ["AMOUNTS", "METHODS", "measure_model", "measure_tuned"]

AMOUNTS = (0.5, 0.7, 0.8, 0.9, 0.95)
METHODS = ("random_unstructured", "l1_unstructured", "lamp", "wanda", "snip", "taylor")
ALLOCATIONS = ("drop", "error")
MODELS = {"lenet300": (5000, 0), "crepe": (100, 200)}
"""The samples that choose rules, and those that judge; 0 for all."""
TUNED = 0.95
"""Sparsity of LeNet before fine-tuning: the accuracy of 90 % is that of the dense model."""


def _open(name: str, run: Runner) -> tuple[Plan, Checkpoint | MaskedCheckpoint, Prober, Prober]:
    """Return a plan, its model, and probers on the samples that choose and on those that judge."""
    chosen, judged = MODELS.get(name, (5000, 0))
    plan = read_recipe(name, [f"sensitivity.samples={chosen}"]).plan
    model = run(load, plan.load)
    chooser = Prober.make(run, plan, model)
    judge = chooser.judge.model_copy(update={"split": "test", "samples": judged})
    return plan, model, chooser, replace(chooser, judge=judge)


def _suggest(plan: Plan, chooser: Prober) -> dict[str, Suggester]:
    """Return the search for amounts by magnitude, for each allocation."""
    layers = list_layers(chooser.model, plan.prune.exclude, ())
    curves = measure_curves(chooser, plan.sensitivity, layers)
    total = chooser.measure_rules(()).weights
    return {
        each: Suggester.make(chooser, "l1_unstructured", curves, each, total)
        for each in ALLOCATIONS
    }


def measure_model(name: str, run: Runner) -> dict[str, Any]:
    """Return the metric on the test split for each method and amount."""
    plan, _, chooser, judge = _open(name, run)
    suggesters = _suggest(plan, chooser)
    rows = list(_measure_methods(judge, plan))
    for allocation, suggester in suggesters.items():
        for amount in AMOUNTS:
            if amount <= suggester.highest:
                measured = judge.measure_rules(suggester.list_rules(amount))
                rows.append(_make_row(f"suggested, {allocation}", amount, measured))
    dense = judge.measure_rules(()).dense
    return {
        "dense": dense.value,
        "unit": dense.unit,
        "samples": judge.measure_rules(()).samples,
    } | {"rows": rows}


def _measure_methods(judge: Prober, plan: Plan) -> Iterator[dict[str, Any]]:
    for method in METHODS:
        for amount in AMOUNTS:
            config = PruneConfig(method=method, amount=amount, exclude=plan.prune.exclude)
            try:
                measured = judge.measure(config)
            except PrunepackError as error:  # gradients need labels that the built-in losses know
                yield {"method": method, "amount": amount, "reason": error.what}
                continue
            yield _make_row(method, amount, measured)


def _make_row(method: str, amount: float, measured: Any) -> dict[str, Any]:
    value = measured.value
    print(method, amount, value.value, flush=True)
    return {
        "method": method,
        "amount": amount,
        "sparsity": measured.sparsity,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "error": measured.error,
    }


def measure_tuned(run: Runner) -> list[dict[str, Any]]:
    """Return the test accuracy of LeNet after three rounds, by magnitude, LAMP and suggestion."""
    plan, model, chooser, judge = _open("lenet", run)
    rules: dict[str, dict[str, Any]] = {
        "l1_unstructured": {"amount": TUNED},
        "lamp": {"amount": TUNED, "method": "lamp"},
        "suggested, error": {"rules": tuple(_suggest(plan, chooser)["error"].list_rules(TUNED))},
    }
    rows = []
    for name, fields in rules.items():
        config = PruneConfig(**fields, schedule="cubic", steps=3)
        tuned = model
        for round_config in config.rounds:
            masked = run(prune, round_config, tuned)
            tuned = run(finetune, plan.training, masked, None)
        measured = replace(judge, model=tuned).measure_rules(())
        rows.append(_make_row(name, TUNED, measured))
    return rows


def main() -> None:
    """Measure all parts, or the one that is named, and write ``results/scores.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=[*MODELS, "tuned"], help="measure one part alone")
    chosen = parser.parse_args().part
    folder = Path(cache_folder()) / "benchmarks" / "scores"
    for part in [chosen] if chosen else [*MODELS, "tuned"]:
        with Store(folder) as store, sharing():
            run = Runner(store)
            found = measure_tuned(run) if part == "tuned" else measure_model(part, run)
        write_result("scores", _read_known() | {part: found})


def _read_known() -> dict[str, Any]:
    try:
        return read_result("scores")
    except FileNotFoundError:
        return {}


if __name__ == "__main__":
    main()
