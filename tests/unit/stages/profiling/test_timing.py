"""Timing: order and number of runs, and their cores. No test judges a time."""

import gc
import os
from functools import partial
from weakref import WeakSet

import numpy as np
import psutil
import pytest

from prunepack.errors import RefusedError
from prunepack.stages.profiling import paired_runs
from prunepack.stages.profiling.paired_runs import MOST_WARM_UP_RUNS, is_stable
from prunepack.stages.profiling.timing import FEWEST_CROSSINGS, Plan, time_side_by_side
from prunepack.stages.runtime.host import count_preemptions, pin_to_cores
from prunepack.stages.runtime.sessions import open_artifact_session, open_onnx_session

CPU = ["CPUExecutionProvider"]
PIXELS = {size: {"input": np.zeros((size, 1, 28, 28), np.float32)} for size in (1, 3)}
QUICK = Plan(repeats=40, rounds=5)
PAIRS = 40


class Recorded:
    """A program that notes when it is opened and run, and what the process is like then."""

    def __init__(self, name, log, opener):
        self._name, self._log, self._opener = name, log, opener

    def open(self):
        self._log.append((self._name.upper(), None))
        self._session = self._opener()
        return self

    def __getattr__(self, name):
        return getattr(self._session, name)

    def run(self, names, feed):
        warm = "" if names is None else "~"
        self._log.append((self._name + warm, feed["input"].shape[0]))
        self.collecting, self.cores = gc.isenabled(), os.sched_getaffinity(0)
        return self._session.run(names, feed)


@pytest.fixture
def openers(chain):
    return partial(open_onnx_session, chain.dense_onnx.model, CPU), partial(
        open_artifact_session, chain.artifact.file, CPU
    )


@pytest.fixture
def watched(openers):
    """Return a function that times both forms and returns the times, the log and the forms."""

    def watched(plan=QUICK, inputs=PIXELS):
        log = []
        programs = [Recorded(name, log, one) for name, one in zip("dp", openers, strict=True)]
        found = time_side_by_side(*(one.open for one in programs), inputs, plan)
        return found, log, programs

    return watched


def test_two_real_programs(openers):
    found = time_side_by_side(*openers, PIXELS, QUICK)
    assert found.opening.shape == (5, 2, 1, 1, 2)
    assert {batch: times.shape for batch, times in found.runs.items()} == {
        1: (5, 2, FEWEST_CROSSINGS, 2, 2),
        3: (5, 2, FEWEST_CROSSINGS, 2, 2),
    }
    for times in (found.opening, *found.runs.values()):
        assert (times > 0).all()
        assert np.isfinite(times).all()
    assert all(0 <= lost < 1000 for lost in found.preempted.values())


def test_both_are_opened_anew_in_either_order_in_every_round(watched):
    _, log, _ = watched()
    opened = "".join(name for name, _ in log if name.isupper())
    pairs = [opened[at : at + 4] for at in range(0, len(opened), 4)]
    assert len(pairs) == 5
    assert set(pairs) == {"DPPD", "PDDP"}


def test_both_are_run_in_either_order_in_every_crossing(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "count_preemptions", lambda: 0.0)
    _, log, _ = watched(Plan(repeats=100, rounds=5))
    for batch in PIXELS:
        runs = "".join(name for name, size in log if size == batch and name in {"d", "p"})
        crossings = [runs[at : at + 4] for at in range(0, len(runs), 4)]
        assert len(runs) == 2 * 100
        assert set(crossings) == {"dppd", "pddp"}


def test_two_sessions_are_in_memory_and_not_four(openers):
    alive = WeakSet()
    most = 0

    class Held:
        def __init__(self, session):
            nonlocal most
            self._session = session
            alive.add(self)
            most = max(most, len(alive))

        def __getattr__(self, name):
            return getattr(self._session, name)

    dense, pruned = openers
    time_side_by_side(lambda: Held(dense()), lambda: Held(pruned()), {1: PIXELS[1]}, QUICK)
    assert most == 2


def test_the_seed_decides_over_the_order(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "count_preemptions", lambda: 0.0)
    monkeypatch.setattr(paired_runs, "is_stable", lambda seen: len(seen) > 2)

    def log(seed):
        return watched(Plan(repeats=40, rounds=5, seed=seed))[1]

    assert log(1) == log(1) != log(2)


def test_a_program_is_timed_under_its_own_name(openers):
    """A slow program at the first or the second place is slow in its own column."""

    class Slow:
        def __init__(self, session):
            self._session = session

        def __getattr__(self, name):
            return getattr(self._session, name)

        def run(self, *args):
            for _ in range(20):
                found = self._session.run(*args)
            return found

    dense, pruned = openers
    slow = time_side_by_side(lambda: Slow(dense()), pruned, {3: PIXELS[3]}, QUICK).runs[3]
    assert (np.median(slow, axis=2)[..., 0] > 2 * np.median(slow, axis=2)[..., 1]).mean() > 0.9
    slow = time_side_by_side(dense, lambda: Slow(pruned()), {3: PIXELS[3]}, QUICK).runs[3]
    assert (np.median(slow, axis=2)[..., 1] > 2 * np.median(slow, axis=2)[..., 0]).mean() > 0.9


def test_every_session_is_warm_before_it_is_timed(watched):
    _, log, _ = watched()
    for batch in PIXELS:
        for at, (name, _) in enumerate(log):
            if name.isupper() and not log[at - 1][0].isupper():
                after = [one for one, size in log[at:] if size == batch]
                pair = [f"{name.lower()}~", "p~" if name == "D" else "d~"]
                assert after[: 4 * paired_runs.WINDOW] == pair * 2 * paired_runs.WINDOW


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_on_its_own_core_and_without_collection_of_garbage(watched):
    allowed = os.sched_getaffinity(0)
    found, _, programs = watched()
    assert found.cores == (max(allowed),)
    for one in programs:
        assert one.cores == {max(allowed)}
        assert one.collecting is False
    assert os.sched_getaffinity(0) == allowed
    assert gc.isenabled()


def test_all_is_as_before_when_something_fails(openers):
    allowed = os.sched_getaffinity(0)
    with pytest.raises(RefusedError, match="onnxruntime cannot run the model on pixels"):
        time_side_by_side(*openers, {1: {"pixels": PIXELS[1]["input"]}}, QUICK)
    assert gc.isenabled()
    assert os.sched_getaffinity(0) == allowed


def test_collection_that_was_off_stays_off(openers):
    gc.disable()
    try:
        time_side_by_side(*openers, {1: PIXELS[1]}, QUICK)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_more_cores_than_there_are():
    allowed = os.sched_getaffinity(0)
    with pin_to_cores(1000) as cores:
        assert set(cores) == allowed


def test_a_system_that_cannot_pin(monkeypatch, openers):
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    assert time_side_by_side(*openers, {1: PIXELS[1]}, QUICK).cores == ()


def counter(taken):
    """Return a count of count_preemptions that goes up by ``taken[i]`` in the i-th pair."""
    steps, total, starts = iter(taken), 0.0, True

    def count():
        nonlocal total, starts
        if not starts:
            total += next(steps, 0)
        starts = not starts
        return total

    return count


def test_a_pair_that_was_preempted_is_run_again(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "count_preemptions", counter([1, 2, 0, 0, 0, 0]))
    found, log, _ = watched(inputs={1: PIXELS[1]})
    runs = [name for name, _ in log if name in {"d", "p"}]
    assert len(runs) == 2 * PAIRS + 2 * 2
    assert found.runs[1].size == 2 * PAIRS
    assert found.preempted[1] == pytest.approx(100 * (3 / 12) / 10)


def test_runs_that_are_always_preempted_come_to_an_end(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "count_preemptions", counter([1] * 1000))
    found, log, _ = watched(inputs={1: PIXELS[1]})
    assert len([name for name, _ in log if name in {"d", "p"}]) == 2 * 2 * PAIRS
    assert found.preempted[1] == pytest.approx(50)


def test_a_system_that_does_not_count_preemptions(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "count_preemptions", lambda: float("nan"))
    found, log, _ = watched(inputs={1: PIXELS[1]})
    assert len([name for name, _ in log if name in {"d", "p"}]) == 2 * PAIRS
    assert np.isnan(found.preempted[1])


def test_preemptions_only_grow():
    before = count_preemptions()
    sum(range(10**6))
    assert count_preemptions() >= before >= 0


@pytest.mark.parametrize(
    ("repeats", "rounds", "seconds", "took", "crossings"),
    [
        (300, 6, 20, 1e-4, 13),  # all of the wanted: 6 × 2 × 13 × 2 ≥ 300
        (300, 5, 20, 1e-4, 15),
        (10, 5, 20, 1e-4, FEWEST_CROSSINGS),
        (300, 5, 20, 0.25, 4),  # 2 s between openings, half a second a crossing
        (300, 5, 20, 100, FEWEST_CROSSINGS),
    ],
)
def test_how_many_crossings_fit(repeats, rounds, seconds, took, crossings):
    assert Plan(repeats, rounds, seconds).count_crossings(took) == crossings


def test_slow_programs_are_timed_less_often(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "count_preemptions", lambda: 0.0)
    found, _, _ = watched(Plan(repeats=10**6, rounds=5, seconds=0.02))
    assert found.runs[3].size < 20_000
    assert len({len(times) for times in found.runs[3].reshape(10, -1)}) == 1


def even(count, took=1.0):
    return [[took, took]] * count


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (even(9), False),
        (even(10), True),
        (even(5, 2.0) + even(5), False),
        (even(5, 2.0) + even(10), True),
        (even(5) + even(5, 2.0), True),
        ([[1.0, 2.0]] * 5 + even(5), False),
        (even(5, 1.04) + even(5), True),
        (even(MOST_WARM_UP_RUNS - 5, 2.0) + even(5), True),
        (even(MOST_WARM_UP_RUNS - 6, 2.0) + even(5), False),
    ],
)
def test_warm_is_when_neither_gets_faster(seen, expected):
    assert is_stable(seen) is expected


def test_warming_up_is_bounded_in_time(watched, monkeypatch):
    monkeypatch.setattr(paired_runs, "is_stable", lambda _: False)
    _, log, _ = watched(Plan(repeats=10, rounds=5, seconds=1e-6))
    warm = [name for name, size in log if size == 1 and "~" in name]
    assert (warm.count("d~"), warm.count("p~"), len(warm)) == (10, 10, 20)
