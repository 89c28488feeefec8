"""Workers draw the same trials whatever their number, and lose none of a dead one."""

import multiprocessing
import os
import signal
import threading
import time

import pytest

from prunepack.pipeline.search.queue.board import list_open_trials, queue_trial, read_board
from prunepack.pipeline.search.queue.heartbeat import Watch
from prunepack.pipeline.search.queue.processes import name_worker
from prunepack.pipeline.search.space import list_dimensions
from tests.unit.pipeline.search.searches import Silent, Toy, join, make, summarize

pytest.importorskip("optuna")
FORK = multiprocessing.get_context("spawn")
KINDS = ["study.db", "study.journal"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The results of one worker."""
    recipe = make()
    return summarize(join(tmp_path_factory.mktemp("one") / "study.db", recipe, Toy()).work())


def test_the_recipe_itself_is_trial_0(alone):
    assert alone[0]["settings"] == {
        "prune.amount": 0.9,
        "finetune.lr": 0.001,
        "prune.schedule": "one_shot",
    }
    assert sorted(alone) == list(range(12))


@pytest.mark.slow
def test_later_generations_learn(tmp_path):
    recipe = make(trials=33, generation=8)
    board = join(tmp_path / "study.db", recipe, Toy()).work()
    first, last = (
        [board.results[n].settings["finetune.lr"] for n in numbers]
        for numbers in (range(1, 9), range(25, 33))
    )
    distance = [sum(abs(rate - 0.01) for rate in rates) / 8 for rates in (first, last)]
    assert distance[1] < distance[0] / 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_storage_of_each_kind_gives_the_same_results(tmp_path, alone, kind):
    assert summarize(join(tmp_path / kind, make(), Toy()).work()) == alone


@pytest.mark.parametrize("kind", KINDS)
def test_finished_trials_are_not_repeated(tmp_path, alone, kind):
    def fail_at_7(number):
        if number == 7:
            raise KeyboardInterrupt

    first, second, third = Toy(fail_at_7), Toy(), Toy()
    with pytest.raises(KeyboardInterrupt):
        join(tmp_path / kind, make(), first).work()
    board = join(tmp_path / kind, make(), second).work()
    assert sorted(first.numbers + second.numbers) == list(range(12))
    assert summarize(board) == alone
    join(tmp_path / kind, make(), third).work()
    assert third.numbers == []


def test_more_trials_continue_a_search(tmp_path, alone):
    join(tmp_path / "study.db", make(trials=6), Toy()).work()
    more = Toy()
    board = join(tmp_path / "study.db", make(trials=12), more).work()
    assert summarize(board) == alone
    assert more.numbers == [6, 7, 8, 9, 10, 11]


@pytest.mark.slow
def test_other_seeds_give_other_trials(tmp_path, alone):
    other = summarize(join(tmp_path / "study.db", make(seed=1), Toy()).work())
    assert other[0]["settings"] == alone[0]["settings"]
    assert other[1]["settings"] != alone[1]["settings"]


@pytest.mark.parametrize("kind", KINDS)
def test_three_workers_find_what_one_does(tmp_path, alone, kind):
    toys = [Toy(lambda _: time.sleep(0.05)) for _ in range(3)]
    place = tmp_path / kind
    join(place, make(), Toy())  # the study exists before the others join
    errors = []

    def work(toy, number):
        try:
            join(place, make(), toy, creates=False, name=f"w{number}").work()
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work, args=(toy, n)) for n, toy in enumerate(toys)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    board = read_board(join(place, make(), Toy()).study)
    assert summarize(board) == alone
    ran = sorted(number for toy in toys for number in toy.numbers)
    assert ran == list(range(12))  # on a slow machine, one of them may find nothing left


def hang(place, started):
    """Work until trial 5, and tell so."""

    def stop(number):
        if number == 5:
            started.set()
            time.sleep(600)

    join(place, make(), Toy(stop)).work()


@pytest.mark.parametrize("kind", KINDS)
def test_the_trial_of_a_killed_worker_is_queued_again(tmp_path, alone, kind):
    started = FORK.Event()
    process = FORK.Process(target=hang, args=(tmp_path / kind, started))
    process.start()
    assert started.wait(120)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    observer, toy = Silent(), Toy()
    board = join(tmp_path / kind, make(), toy, observer=observer).work()
    assert observer.lost == [5]
    assert set(toy.numbers[:4]) == {5, 6, 7, 8}
    assert sorted(toy.numbers) == list(range(5, 12))
    assert summarize(board) == alone


@pytest.mark.slow
def test_a_silent_worker_of_another_machine_loses_its_trial(tmp_path, alone):
    place = tmp_path / "study.db"

    def stop(number):
        if number == 3:
            raise SystemExit  # as a machine without power: its attempt stays as it is

    worker = join(place, make(), Toy(stop), name="elsewhere/1/1.0")
    tell = worker.study.tell
    worker.study.tell = lambda *a, **k: tell(*a, **k) if k["state"].name != "FAIL" else None
    with pytest.raises(SystemExit):
        worker.work()
    observer, toy = Silent(), Toy()
    began = time.monotonic()
    board = join(place, make(), toy, observer=observer, grace=2.0).work()
    assert time.monotonic() - began >= 2
    assert observer.lost == [3]
    assert toy.numbers[-1] == 11
    assert summarize(board) == alone


@pytest.mark.slow
def test_a_worker_that_lives_keeps_its_trial(tmp_path):
    slow = Toy(lambda number: time.sleep(21 if number == 1 else 0))
    place = tmp_path / "study.journal"
    join(place, make(trials=1), Toy()).work()
    first = join(place, make(trials=3), slow, grace=10, name="elsewhere/1/1.0")
    thread = threading.Thread(target=first.work)
    thread.start()
    while not any(a.state == "RUNNING" for a in read_board(first.study).attempts.get(1, [])):
        time.sleep(0.02)
    observer = Silent()
    join(place, make(trials=3), Toy(), grace=10, observer=observer).work()
    thread.join(60)
    assert observer.lost == []
    assert 1 in slow.numbers


def test_of_two_attempts_at_one_moment_the_first_counts(tmp_path):
    toy = Toy()
    worker = join(tmp_path / "study.db", make(trials=1), toy)
    settings = {"prune.amount": 0.9, "finetune.lr": 0.001, "prune.schedule": "one_shot"}
    for _ in range(3):
        queue_trial(worker.study, 0, settings, list_dimensions(worker.recipe.plan))
    worker.work()
    assert toy.numbers == [0]
    states = [trial.state.name for trial in worker.study.get_trials()]
    assert states == ["COMPLETE", "WAITING", "WAITING"]
    join(tmp_path / "study.db", make(trials=5), toy).work()
    assert toy.numbers == [0, 1, 2, 3, 4]


def test_a_failed_trial_is_a_result(tmp_path):
    class Failing(Toy):
        def evaluate(self, number, settings, curves):
            result = super().evaluate(number, settings, curves)
            if number != 2:
                return result
            failed = {"state": "failed", "scores": {}, "reason": "no"}
            return result.model_copy(update=failed)

    toy = Failing()
    board = join(tmp_path / "study.db", make(trials=4), toy).work()
    assert toy.numbers == [0, 1, 2, 3]
    assert board.results[2].reason == "no"
    assert list_open_trials(board, 4, 4) == []


def test_the_watch_knows_the_dead_of_this_machine_at_once():
    class Attempt:
        state, beat, place = "RUNNING", 0, 0

        def __init__(self, worker):
            self.worker = worker

    mine = name_worker()
    machine, number, started = mine.split("/")
    dead = [f"{machine}/{number}/1.00", f"{machine}/4194300/{started}"]
    alive = [mine, f"other/{number}/1.00", "", f"{machine}/{number}/{started}"]
    watch = Watch(1000)
    found = [bool(watch.find_dead([Attempt(worker)])) for worker in dead + alive]
    assert found == [True, True, False, False, False, False]
