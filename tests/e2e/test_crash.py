"""Crash safety: a run that is killed or interrupted at any moment leaves a sound store."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.cache.objects import hash_tree
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.runner import Runner
from prunepack.pipeline.runs.recorder import Recorder
from prunepack.pipeline.runs.run import RunHead
from prunepack.pipeline.runs.run_files import list_kept_digests
from prunepack.stages.contract.outputs import PackedArtifact, ParityResult
from prunepack.stages.contract.stage import Config, Facts, stage

if TYPE_CHECKING:
    from collections.abc import Callable

FORK = multiprocessing.get_context("fork")
KILLS = 40


class WriteConfig(Config):
    seed: int = 0
    files: int = 6
    pause: float = 0.001
    wait_for: str = ""
    megabytes: int = 0


@stage(produces=PackedArtifact)
def write(config: WriteConfig, out: Path) -> Facts:
    """Write several files slowly."""
    (out / "deep").mkdir()
    for number in range(config.files):
        (out / "deep" / f"{number:02}.txt").write_text(f"{config.seed} {number} " * 100)
        time.sleep(config.pause)
    (out / "model.prunepack").write_bytes(bytes(config.megabytes << 20))
    while config.wait_for and not Path(config.wait_for).exists():
        time.sleep(0.005)
    return {"files": config.files}


@stage(produces=ParityResult)
def check(config: WriteConfig, out: Path, model: PackedArtifact) -> Facts:
    """Read what the stage before wrote, whole."""
    texts = sorted((model.path / "deep").iterdir())
    assert len(texts) == config.files
    for number, path in enumerate(texts):
        assert path.read_text() == f"{config.seed} {number} " * 100
        time.sleep(config.pause)
    (out / "parity.json").write_text(json.dumps({"seed": config.seed}))
    return {}


def perform(root: Path, config: WriteConfig) -> list[str]:
    """Run the pipeline; return the digests of its results."""
    with Store(root) as store, Recorder(store, RunHead(recipe="toy")) as recorder:
        run = Runner(store, on_event=recorder.add, previous=recorder.previous)
        artifact = run(write, config)
        parity = run(check, config, artifact)
        return [artifact.digest, parity.digest]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_sound(root: Path) -> None:
    """Check that whatever is in the store is whole: objects, actions and histories."""
    folder = root / ".store"
    if not (folder / "scratch").exists():  # the last to be made
        return
    for path in (folder / "objects").iterdir():
        assert hash_tree(path) == path.name
    for path in (folder / "actions").iterdir():
        assert json.loads(path.read_text())["digest"] in names_in(folder / "objects")
    for path in (folder / "runs").glob("*/*.json"):
        assert json.loads(path.read_text())["recipe"] == "toy"


def start(target: Callable[..., object], *args: object) -> multiprocessing.process.BaseProcess:
    child = FORK.Process(target=target, args=args)
    child.start()
    return child


def wait_until(condition: Callable[[], object]) -> None:
    for _ in range(60_000):
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("waited in vain")


def perform_and_die(root: Path, config: WriteConfig, steps: int) -> None:
    """Run the pipeline and be killed before the step ``steps`` that touches a file in ``root``."""
    touching = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod"}
    left = steps

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in touching and str(arguments[0]).startswith((str(root), *"0123456789")):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    perform(root, config)


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_step_does_no_harm(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    for steps in itertools.count(1):
        config = WriteConfig(seed=steps, files=2, pause=0)
        child = start(perform_and_die, root, config, steps)
        child.join()
        assert_sound(root)
        assert perform(root, config) == perform(tmp_path / "calm", config), f"step {steps}"
        assert names_in(root / ".store/scratch") == []
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
    assert steps > 40


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_does_no_harm(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    root = tmp_path / "artifacts"
    perform(root, WriteConfig(seed=-2))  # imports, and the code closure that children inherit
    began = time.perf_counter()
    start(
        perform, root, WriteConfig(seed=-1, pause=0.01)
    ).join()  # as long as the runs that are killed
    duration = time.perf_counter() - began
    interrupted = 0
    for number in range(KILLS):
        config = WriteConfig(seed=number, pause=0.01)
        child = start(perform, root, config)
        time.sleep(chance.uniform(0, 1.2 * duration))
        child.kill()
        child.join()
        interrupted += bool(names_in(root / ".store/scratch"))
        assert_sound(root)
        if number % 3 == 0:  # else the next killed run meets what this one left
            expected = perform(tmp_path / "calm", config)
            assert perform(root, config) == expected, f"seed {seed}, kill {number}"
            assert names_in(root / ".store/scratch") == []
            assert_sound(root)
    assert interrupted > KILLS // 20, "hardly any kill hit a run at work"


def interruptible(root: Path, config: WriteConfig) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells make jobs ignore it
    try:
        perform(root, config)
    except KeyboardInterrupt:
        os._exit(130)


def test_an_interrupted_run_leaves_no_scratch(tmp_path: Path) -> None:
    chance, never = random.Random(0), tmp_path / "never"
    config = WriteConfig(files=40, pause=0.005, wait_for=str(never))  # however late a signal comes
    for _ in range(8):
        child = start(interruptible, tmp_path, config)
        wait_until(lambda: list(tmp_path.glob(".store/scratch/write-*/deep")))
        time.sleep(chance.uniform(0, 0.1))
        os.kill(child.pid, signal.SIGINT)
        child.join()
        assert child.exitcode == 130
        assert names_in(tmp_path / ".store/scratch") == []
        assert names_in(tmp_path / ".store/objects") == []
    never.touch()
    assert perform(tmp_path, config) == perform(tmp_path / "calm", config)


def test_runs_at_the_same_time_agree(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    for number in range(5):
        config = WriteConfig(seed=number)
        children = [start(perform, root, config) for _ in range(4)]
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0, 0, 0]
        assert names_in(root / ".store/scratch") == []
        assert_sound(root)
        assert perform(root, config) == perform(tmp_path / "calm", config)


@pytest.mark.slow
def test_runs_that_meet_a_damaged_object_at_the_same_time_agree(tmp_path: Path) -> None:
    root, config = tmp_path / "artifacts", WriteConfig()
    expected = perform(root, config)
    for _ in range(10):
        (root / ".store/objects" / expected[0] / "deep/00.txt").unlink()
        children = [start(perform, root, config) for _ in range(4)]
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0, 0, 0]
        assert_sound(root)
        assert sorted(expected) == names_in(root / ".store/objects")


def test_a_live_run_keeps_its_scratch_while_others_come_and_die(tmp_path: Path) -> None:
    root, signal_file = tmp_path / "artifacts", tmp_path / "go"
    waiting = WriteConfig(seed=1, wait_for=str(signal_file))
    live = start(perform, root, waiting)
    wait_until(lambda: list(root.glob(".store/scratch/write-*/model.prunepack")))
    dying = start(perform, root, WriteConfig(seed=2, wait_for=str(tmp_path / "never")))
    wait_until(lambda: len(list(root.glob(".store/scratch/write-*/model.prunepack"))) == 2)
    dying.kill()
    dying.join()
    perform(root, WriteConfig(seed=3))
    assert len(names_in(root / ".store/scratch")) == 2
    with Store(root) as store, pytest.raises(UsageError, match=r"is in use"):
        store.gc(list_kept_digests(root))
    signal_file.touch()
    live.join()
    assert live.exitcode == 0
    assert perform(root, waiting) == perform(tmp_path / "calm", waiting)
    assert names_in(root / ".store/scratch") == []


def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        small, large = WriteConfig(), WriteConfig(seed=1, megabytes=4)
        before = perform(tmp_path, small)
        with pytest.raises(UsageError) as error:
            perform(tmp_path, large)
        assert str(error.value).startswith(f"`{tmp_path}` cannot be used: ")
        assert "No space left on device" in str(error.value)
        assert names_in(tmp_path / ".store/scratch") == []
        assert_sound(tmp_path)
        assert perform(tmp_path, small) == before
        assert perform(tmp_path, WriteConfig(seed=1, megabytes=1))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
