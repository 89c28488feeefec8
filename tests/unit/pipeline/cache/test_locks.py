"""Runs side by side: each has a place, and a run knows whether it is alone."""

import multiprocessing
import os
import signal

import pytest

from prunepack.pipeline.cache.locks import StoreLocks


@pytest.fixture
def locks(tmp_path):
    def make():
        made = StoreLocks(tmp_path)
        with made.hold_entry():
            made.join()
        return made

    return make


def test_a_run_alone_has_no_others(locks):
    assert not locks().has_others()


def test_runs_see_each_other_until_they_leave(locks):
    one, other = locks(), locks()
    assert one.has_others()
    assert other.has_others()
    other.leave()
    assert not one.has_others()


def test_places_are_taken_again(locks, tmp_path):
    first, _second = locks(), locks()
    first.leave()
    locks()
    assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == ["0.lock", "1.lock"]


def _join_and_die(folder):
    made = StoreLocks(folder)
    made.join()
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_run_is_gone(locks, tmp_path):
    child = multiprocessing.get_context("fork").Process(target=_join_and_die, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not locks().has_others()
