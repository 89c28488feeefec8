"""Evaluation of a trial: the stages of its recipe, and the values of the objectives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import PrunepackError, UsageError
from prunepack.pipeline.build import build
from prunepack.pipeline.cache.disk_errors import UnusableFolderError
from prunepack.pipeline.recipe import make_recipe
from prunepack.pipeline.runner import Runner
from prunepack.pipeline.runs.recorder import Recorder
from prunepack.pipeline.runs.run import RunHead
from prunepack.pipeline.search.objective import is_timed
from prunepack.pipeline.search.result import Result, Score
from prunepack.pipeline.search.space import put_settings
from prunepack.pipeline.search.stopping import Hopeless, Rounds, is_stoppable
from prunepack.stages.metrics.files import read_metrics
from prunepack.stages.metrics.limits import HOST_DEPENDENT, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prunepack.pipeline.cache.store import Store
    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.recipe import Recipe
    from prunepack.pipeline.runs.event import Event
    from prunepack.pipeline.search.objective import Goal
    from prunepack.pipeline.search.result import Curve
    from prunepack.stages.contract.outputs import Verdict
    from prunepack.stages.metrics.metric import Metric

__all__ = ["Evaluator", "make_trial_plan", "measure_violation", "name_runs"]

LEAST_VIOLATION = 1e-6


def name_runs(recipe: str) -> str:
    """Return the name under which the runs of a search are kept."""
    return f"{recipe} (search)"


def make_trial_plan(plan: Plan, goals: Sequence[Goal]) -> Plan:
    """Return the plan of a trial: without times and limits on them, unless a goal needs them.

    Times of several workers on a machine would disturb one another. All other stages have the
    configs, and so the keys, that a run of the recipe has.
    """
    if is_timed(goals):
        return plan
    limits = tuple(limit for limit in plan.gate.limits if not matches(limit.name, HOST_DEPENDENT))
    skip = tuple(glob for glob in plan.gate.skip if not matches(glob, HOST_DEPENDENT))
    return plan.model_copy(
        update={
            "verify": plan.comparison,
            "measure": plan.measure.model_copy(update={"batch_sizes": (), "sparse": False}),
            "gate": plan.gate.model_copy(update={"limits": limits, "skip": skip}),
        }
    )


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The trials of one recipe.

    Attributes:
        store: The store of results.
        recipe: The recipe.
        goals: The objectives.
        on_start: Called with the name of each stage that is not reused, and with the reason.
        on_end: Called with the events of each trial, also if it ends early.
    """

    store: Store
    recipe: Recipe
    goals: Sequence[Goal]
    on_start: Callable[[str, str], None]
    on_end: Callable[[Sequence[Event]], None]

    def evaluate(
        self, number: int, settings: Mapping[str, Any], curves: Sequence[tuple[int, Curve]]
    ) -> Result:
        """Return the result of a trial; settings that cannot be run make it a failed one.

        Args:
            number: The number of the trial; 0 is the recipe itself.
            settings: The values of the trial by setting.
            curves: The rounds of trials of earlier generations.

        Raises:
            PrunepackError: If the recipe itself cannot be run, or no trial can: the disk is full.
        """
        rounds = Rounds(curves, self.recipe.plan.search.margin, is_stoppable(self.goals))
        try:
            plan = self._make_plan(number, settings)
            verdict, artifact = self._run(number, plan, settings, rounds)
        except Hopeless as reason:
            state, why = "stopped", str(reason)
        except UnusableFolderError:
            raise
        except PrunepackError as error:
            if number == 0:
                raise
            state, why = "failed", str(error)
        else:
            return self._read_result(settings, verdict, artifact, rounds.curve)
        known = {"state": state, "settings": dict(settings), "curve": rounds.curve, "reason": why}
        return Result.model_validate(known)

    def _make_plan(self, number: int, settings: Mapping[str, Any]) -> Plan:
        recipe = self.recipe
        if number == 0:
            return make_trial_plan(recipe.plan, self.goals)
        tables = put_settings(recipe.tables, settings)
        return make_trial_plan(make_recipe(recipe.name, recipe.source, tables).plan, self.goals)

    def _run(
        self, number: int, plan: Plan, settings: Mapping[str, Any], rounds: Rounds
    ) -> tuple[Verdict, str]:
        """Run the stages; return the verdict and the SHA-256 of the artifact."""
        head = RunHead(
            recipe=name_runs(self.recipe.name),
            source=name_runs(self.recipe.name),
            settings=tuple(f"{name}={value}" for name, value in settings.items()),
            plan=plan.model_dump(mode="json", exclude={"search"}),
            name=f"trial-{number}",
        )
        recorder = Recorder(self.store, head)
        try:
            with recorder:

                def finish(event: Event) -> None:
                    recorder.add(event)
                    rounds.add(event)

                runner = Runner(
                    self.store,
                    on_event=finish,
                    on_start=self.on_start,
                    previous=recorder.previous,
                    hash_data=plan.load.hash_data,
                )
                verdict = build(plan, runner)
        finally:
            self.on_end(recorder.events)
        packed = next(event for event in recorder.events if event.stage == "pack")
        return verdict, packed.files["model.prunepack"]

    def _read_result(
        self, settings: Mapping[str, Any], verdict: Verdict, artifact: str, curve: Curve
    ) -> Result:
        metrics = read_metrics(verdict.path / "report.json").metrics
        missing = [goal.metric for goal in self.goals if goal.metric not in metrics]
        if missing:
            raise UsageError(
                f"the objective {missing[0]} is not measured",
                expected="a metric in report.json",
                found=f"{len(metrics)} other metrics",
                hint="Name other metrics in search.objectives, such as "
                "`maximize similarity.mean_cosine`",
            )
        found = {goal.metric: metrics[goal.metric] for goal in self.goals}
        known = {"settings": dict(settings), "curve": curve, "artifact": artifact}
        if not all(math.isfinite(metric.value) for metric in found.values()):
            reason = "an objective is not a finite number"
            return Result.model_validate({"state": "failed", "reason": reason, **known})
        checks = [each for each in verdict.content["checks"] if each["outcome"] != "passed"]
        violation = sum(map(measure_violation, checks))
        if verdict.content["exit_code"] == 0:
            violation, checks = 0.0, []
        return Result.model_validate(
            {
                "state": "finished",
                "scores": {name: _make_score(metric) for name, metric in found.items()},
                "violation": violation,
                "unmet": tuple(check["reason"].partition(";")[0] for check in checks),
                **known,
            }
        )


def _make_score(metric: Metric) -> Score:
    return Score(value=metric.value, unit=metric.unit, low=metric.low, high=metric.high)


def measure_violation(check: Mapping[str, Any]) -> float:
    """Return the distance of a metric beyond its threshold, relative to it."""
    value, threshold = check["value"], check["threshold"]
    if not isinstance(value, int | float) or not isinstance(threshold, int | float):
        return 1.0
    sign = 1 if "<=" in check["limit"] else -1
    beyond = sign * (value - threshold) / max(abs(threshold), 1.0)
    return max(beyond, LEAST_VIOLATION)
