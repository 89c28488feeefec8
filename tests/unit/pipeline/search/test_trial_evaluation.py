"""A trial measures what the objectives need, and keeps the configs of a run."""

from pathlib import Path

import pytest

from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.cache.disk_errors import UnusableFolderError
from prunepack.pipeline.recipe import make_recipe, read_recipe
from prunepack.pipeline.search.evaluation import Evaluator, make_trial_plan, measure_violation
from prunepack.pipeline.search.objective import list_goals, parse_objective


def test_times_are_left_out_of_a_trial():
    plan = read_recipe("lenet").plan
    trial = make_trial_plan(plan, list_goals(plan))
    assert trial.measure.batch_sizes == ()
    assert not [limit for limit in trial.gate.limits if limit.name.startswith("latency")]
    assert len(trial.gate.limits) == len(plan.gate.limits) - 2


def test_all_other_stages_have_the_configs_of_a_run():
    plan = read_recipe("lenet").plan
    trial = make_trial_plan(plan, list_goals(plan))
    for name in ("load", "undo", "prune", "export", "compact", "pack"):
        assert getattr(trial, name) == getattr(plan, name)
    assert trial.comparison == plan.comparison
    assert trial.proof == plan.proof
    assert trial.training == plan.training


@pytest.mark.parametrize("metric", ["latency.batch_1.pruned", "memory.pruned"])
def test_an_objective_that_is_a_time_is_measured(metric):
    plan = read_recipe("lenet").plan
    assert make_trial_plan(plan, [parse_objective(f"minimize {metric}")]) is plan


@pytest.mark.parametrize(
    ("verify", "search", "goals"),
    [
        ({}, {}, ["maximize accuracy.artifact", "minimize size.artifact"]),
        ({"metric": "accuracy"}, {}, ["maximize accuracy.artifact", "minimize size.artifact"]),
        ({"metric": "m.py:f"}, {}, ["minimize metric.drop", "minimize size.artifact"]),
        ({}, {"objectives": ["minimize size.onnx"]}, ["minimize size.onnx"]),
    ],
)
def test_the_objectives_fit_the_recipe(verify, search, goals):
    plan = make_recipe("toy", "toy.toml", {"verify": verify, "search": search}).plan
    assert list(map(str, list_goals(plan))) == goals


@pytest.mark.parametrize(
    ("limit", "value", "threshold", "violation"),
    [
        ("size.artifact <= 100", 150, 100, 0.5),
        ("accuracy.artifact >= 90", 81, 90, 0.1),
        ("accuracy.drop <= 0.5", 0.75, 0.5, 0.25),
        ("accuracy.drop <= 0.5", 0.4, 0.5, 1e-6),
        ("accuracy.drop <= 0.5", "NaN", 0.5, 1.0),
    ],
)
def test_a_violation_is_relative_to_the_threshold(limit, value, threshold, violation):
    check = {"limit": limit, "value": value, "threshold": threshold}
    assert measure_violation(check) == pytest.approx(violation)


class FullStore:
    """A store whose disk is full, or whose stages refuse their input."""

    def __init__(self, error):
        self.root, self._error = Path(), error

    def __getattr__(self, name):
        raise self._error


@pytest.mark.parametrize(
    ("error", "number", "ends"),
    [
        (UnusableFolderError("full"), 3, True),
        (UsageError("wrong"), 3, False),
        (RefusedError("wrong"), 3, False),
        (RefusedError("wrong"), 0, True),
    ],
)
def test_a_failure_is_a_result_unless_no_trial_can_run(error, number, ends):
    recipe = make_recipe("toy", "toy.toml", {})
    evaluator = Evaluator(
        FullStore(error), recipe, list_goals(recipe.plan), lambda *_: None, lambda _: None
    )
    if ends:
        with pytest.raises(type(error)):
            evaluator.evaluate(number, {}, [])
    else:
        result = evaluator.evaluate(number, {"prune.amount": 0.8}, [])
        assert (result.state, result.reason) == ("failed", "wrong")


def test_settings_that_contradict_one_another_are_a_failed_trial():
    recipe = make_recipe("toy", "toy.toml", {"prune": {"groups": True, "method": "ln_structured"}})
    evaluator = Evaluator(None, recipe, list_goals(recipe.plan), lambda *_: None, lambda _: None)
    result = evaluator.evaluate(1, {"prune.method": "lamp"}, [])
    assert result.state == "failed"
    assert "groups is for the method ln_structured or random_structured" in result.reason
