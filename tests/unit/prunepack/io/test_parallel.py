"""Tasks in threads, results in order."""

import threading
import time
from functools import partial

import pytest

from prunepack.io.parallel import MIN_PARALLEL_BYTES, TASKS_PER_THREAD, count_threads, run_in_order


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_the_order_of_the_tasks(threads):
    def task(number):
        time.sleep(0.002 * (number % 3))
        return number

    assert list(run_in_order((partial(task, n) for n in range(20)), threads)) == list(range(20))
    assert list(run_in_order([], threads)) == []


def test_one_thread_is_the_caller_s():
    assert list(run_in_order([threading.get_ident], 1)) == [threading.get_ident()]
    assert list(run_in_order([threading.get_ident], 2)) != [threading.get_ident()]


def test_only_a_few_tasks_are_drawn_ahead():
    drawn = []

    def tasks():
        for number in range(100):
            drawn.append(number)
            yield int

    results = run_in_order(tasks(), 2)
    next(results)
    assert len(drawn) <= 2 * TASKS_PER_THREAD + 1
    results.close()
    assert len(drawn) < 100


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_out_in_its_place_and_ends_the_work(threads):
    done, before = [], threading.active_count()

    def task(number):
        if number == 3:
            raise ValueError("three")
        done.append(number)
        return number

    results = run_in_order((partial(task, n) for n in range(1000)), threads)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(done) < 20
    assert threading.active_count() == before


def test_how_many_threads():
    assert count_threads(3, MIN_PARALLEL_BYTES) == 3
    assert count_threads(0, MIN_PARALLEL_BYTES) == 1
    assert count_threads(None, MIN_PARALLEL_BYTES) >= 1
    assert count_threads(3, MIN_PARALLEL_BYTES - 1) == 1
