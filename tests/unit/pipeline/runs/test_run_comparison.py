"""Runs are compared by their settings, by what lies outside of them, and by their metrics."""

from __future__ import annotations

import math
from typing import Any

import pytest

from prunepack.pipeline.keys.material import Material
from prunepack.pipeline.runs.comparison import (
    compare_metrics,
    compare_plans,
    describe_other_changes,
)
from prunepack.pipeline.runs.event import Event
from prunepack.pipeline.runs.run import Run
from prunepack.stages.metrics.metric import Metric


def run(plan: Any = None, **parts: Any) -> Run:
    empty: dict[str, Any] = {"inputs": {}, "code": {}, "user": {}, "tools": {}, "host": ""}
    material = Material(**{"stage": "load", "config": {}, "python": "3.11", **empty, **parts})
    event = Event(
        stage="load",
        key=material.key,
        digest="a" * 64,
        reused=False,
        seconds=1,
        facts={},
        why="",
        material=material,
        path="objects",
    )
    return Run(recipe="lenet", plan=plan or {}, events=(event,))


@pytest.mark.parametrize(
    ("plans", "changes"),
    [
        ([{"prune": {"amount": 0.9}}, {"prune": {"amount": 0.9}}], []),
        (
            [
                {"prune": {"amount": 0.9, "scope": "global"}},
                {"prune": {"amount": 0.95, "scope": "global"}},
            ],
            [("prune.amount", (0.9, 0.95))],
        ),
        (
            [{"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1, "d": [2]}}}, {"a": {"b": {"c": 3}}}],
            [("a.b.c", (1, 1, 3)), ("a.b.d", (None, [2], None))],
        ),
        ([{"rules": [{"layers": "*"}]}, {"rules": []}], [("rules", ([{"layers": "*"}], []))]),
    ],
)
def test_settings(plans: list[Any], changes: list[Any]) -> None:
    assert compare_plans([run(plan) for plan in plans]) == changes


def moved(*sides: dict[str, Metric]) -> list[str]:
    return [change.name for change in compare_metrics(sides)]


@pytest.mark.parametrize(
    ("first", "other", "differs"),
    [
        (Metric(99, low=98, high=100), Metric(97, low=96, high=98.5), False),
        (Metric(99, low=98.6, high=100), Metric(97, low=96, high=98.5), True),
        (Metric(99, low=98, high=100), Metric(99.5), False),
        (Metric(99, low=98, high=100), Metric(97), True),
        (Metric(10), Metric(10), False),
        (Metric(10), Metric(11), True),
        (Metric(10, note="here"), Metric(10, note="there"), False),
        (Metric(math.nan), Metric(math.nan), False),
        (Metric(math.nan), Metric(1), True),
        (Metric(math.inf), Metric(math.inf), False),
    ],
)
def test_a_metric(first: Metric, other: Metric, differs: bool) -> None:
    assert moved({"x": first}, {"x": other}) == ["x"] * differs
    assert moved({"x": other}, {"x": first}) == ["x"] * differs


def test_a_metric_that_only_one_run_has() -> None:
    assert compare_metrics([{}, {"x": Metric(1)}]) == [("x", (None, Metric(1)))]


@pytest.mark.parametrize(
    "name",
    [
        "latency.batch_1.dense",
        "memory.ratio",
        "accuracy.mcnemar",
        "parity.torch_onnx.outputs.output.max_absolute",
        "parity.torch_onnx.tolerance",
    ],
)
def test_a_metric_whose_spread_is_not_known_is_left_out(name: str) -> None:
    assert moved({name: Metric(1)}, {name: Metric(2)}) == []
    estimates = [{name: Metric(n, low=n - 0.1, high=n + 0.1)} for n in (1, 2)]
    assert moved(*estimates) == [name]


def test_the_third_run_differs_from_the_first() -> None:
    assert moved({"x": Metric(1)}, {"x": Metric(1)}, {"x": Metric(2)}) == ["x"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"amount": 1}, "inputs": {"model": "b" * 64}}, []),
        ({"tools": {"torch": "2"}}, ["torch 1 → 2"]),
        ({"user": {"net.py": "b"}}, ["net.py changed"]),
        ({"python": "3.12"}, ["Python 3.11 → 3.12"]),
        ({"code": {"stages/load.py": "b"}}, ["stages/load.py is new"]),
    ],
)
def test_changes_beside_the_settings(changes: dict[str, Any], words: list[str]) -> None:
    parts = {"tools": {"torch": "1"}, "user": {"net.py": "a"}, "inputs": {"model": "a" * 64}}
    assert describe_other_changes(run(**parts), run(**{**parts, **changes})) == words
