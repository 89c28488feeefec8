"""``prunepack search``: real stages, workers that are killed, and a taken trial that runs."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from prunepack.pipeline.runs.run_files import read_runs
from tests.e2e.conftest import COMMAND, call
from tests.unit.pipeline.remote.buckets import serve_bucket

NET = """
import numpy as np
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))


def draw(count, seed):
    x = np.random.default_rng(seed).standard_normal((count, 12)).astype("float32")
    return x, np.argmax(x[:, :3] + 0.5 * x[:, 3:6] * x[:, 6:9], axis=1)


def data():
    return {"train": draw(1500, 1), "validation": draw(500, 2), "test": draw(1000, 3)}
"""
RECIPE = """
[load]
model = "net.py:build"
dataset = "net.py:data"
inputs = [{ name = "input", shape = [12] }]

[prune]
amount = 0.5

[finetune]
epochs = 2
lr = 1e-2

[measure]
batch_sizes = [1]
repeats = 10
seconds = 0.2

[gate]
limits = ["accuracy.drop <= 20", "latency.batch_1.ratio <= 9"]

[search]
trials = TRIALS
generation = 3

[search.space]
prune.amount = { low = 0.3, high = 0.8 }
finetune.lr = { low = 1e-3, high = 3e-2, log = true }
"""
pytest.importorskip("optuna")


def prepare(folder, trials=4):
    folder.mkdir(exist_ok=True)
    (folder / "net.py").write_text(NET)
    (folder / "tiny.toml").write_text(RECIPE.replace("TRIALS", str(trials)))
    return folder


def start(folder, *arguments):
    """Start a worker; its messages go to a file of its own."""
    number = len(list(folder.glob("*.messages")))
    with (folder / f"{number}.messages").open("w") as messages:
        return subprocess.Popen(
            [COMMAND, "search", "tiny.toml", *map(str, arguments)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=messages,
        )


def read_messages(folder):
    return "".join(path.read_text() for path in sorted(folder.glob("*.messages")))


def wait_for(folder, text, process, seconds=300):
    end = time.monotonic() + seconds
    while text not in read_messages(folder):
        assert process.poll() is None, read_messages(folder)
        assert time.monotonic() < end, read_messages(folder)
        time.sleep(0.05)


def list_ends(folder):
    """Return the numbers of the trials that ended in a folder with a result."""
    return [
        int(number) for number in re.findall(r"^trial (\d+): (?!its)", read_messages(folder), re.M)
    ]


def read_findings(folder):
    return json.loads((folder / "artifacts/tiny/search.json").read_text())


def count_builds(folder):
    """Return how often each result was built, over all runs that are kept."""
    runs = read_runs(folder / "artifacts")
    events = [event for run in runs for event in run.events if not event.reused]
    return Counter((event.stage, event.key) for event in events)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder in which one worker has searched from start to end."""
    folder = prepare(tmp_path_factory.mktemp("searched") / "one")
    done = call("search", "tiny.toml", cwd=folder)
    assert done.code == 0, done.err
    return folder, done


@pytest.mark.slow
def test_the_front_is_shown(searched):
    folder, done = searched
    findings = read_findings(folder)
    assert [trial["trial"] for trial in findings["trials"]] == [0, 1, 2, 3]
    rows = [
        line.split()[0] for line in done.out.split("\n\n")[0].splitlines()[2:] if line[4] != " "
    ]
    assert {*map(int, rows)} == {0, *findings["front"]}
    assert "4 trials: " in done.out.splitlines()[-1]
    assert "artifacts/tiny/search.html" in done.out


@pytest.mark.slow
def test_nothing_is_built_twice(searched):
    folder, _ = searched
    assert set(count_builds(folder).values()) == {1}
    again = call("search", "tiny.toml", cwd=folder)
    assert "trial" not in again.err
    assert set(count_builds(folder).values()) == {1}


@pytest.mark.slow
def test_a_taken_trial_gives_the_same_result_from_the_store(searched):
    folder, _ = searched
    trial = read_findings(folder)["trials"][-1]
    assert trial["state"] == "finished", trial
    done = call("search", "tiny.toml", "--take", 3, "-o", "best.toml", cwd=folder)
    assert (done.code, done.out) == (0, "best.toml\n")
    run = json.loads(call("run", "best.toml", "--json", cwd=folder).out)
    built = [stage["stage"] for stage in run["stages"] if not stage["reused"]]
    assert set(built) <= {"measure", "gate"}
    report = json.loads((folder / "artifacts/best/report.json").read_text())
    assert report["digests"]["model.prunepack"] == trial["artifact"]
    for metric, score in trial["scores"].items():
        assert report["metrics"][metric]["value"] == score["value"]
    refused = call("search", "tiny.toml", "--take", 3, "-o", "best.toml", cwd=folder)
    assert refused.code == 2


@pytest.mark.slow
def test_a_taken_trial_gives_the_same_result_without_the_store(searched, tmp_path):
    folder, _ = searched
    trial = read_findings(folder)["trials"][-1]
    call("search", "tiny.toml", "--take", 3, "-o", tmp_path / "best.toml", cwd=folder)
    prepare(tmp_path)
    assert call("run", "best.toml", "--until", "pack", cwd=tmp_path).code == 0
    from prunepack.io.digests import hash_file

    assert hash_file(tmp_path / "artifacts/best/model.prunepack") == trial["artifact"]


@pytest.mark.slow
def test_a_trial_that_does_not_exist_is_refused(searched):
    done = call("search", "tiny.toml", "--take", 77, cwd=searched[0])
    assert done.code == 2
    assert done.error.startswith(
        "the study `tiny` has no trial 77 with a result: expected one of 4"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_an_ended_search_goes_on_without_a_finished_trial(searched, tmp_path, number, code):
    """Trial 1 runs all stages; trial 2 is stopped early, so a signal may come too late for it."""
    folder = prepare(tmp_path / "ended")
    process = start(folder)
    wait_for(folder, "trial 1 of 4", process)
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(60) == code
    if number != signal.SIGKILL:
        assert "1 of 4 trials have a result; the same command goes on" in read_messages(folder)
        assert "Interrupted; no half-written file was left." in read_messages(folder)
    done = call("search", "tiny.toml", cwd=folder)
    assert done.code == 0
    starts = [line.split()[1] for line in done.err.splitlines() if line.endswith("…")]
    assert sorted(starts) == ["1", "2", "3"]
    assert read_findings(folder) == read_findings(searched[0])


def find_server():
    """Return the folder of PostgreSQL's programs, or skip the test."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr/local/pgsql").glob("bin")]
    path = shutil.which("initdb")
    folders += [Path(path).resolve().parent] if path else []
    found = [folder for folder in folders if (folder / "initdb").exists()]
    if not found:
        pytest.skip("needs the programs of a PostgreSQL server (Debian: postgresql)")
    return found[-1]


@pytest.fixture(scope="module")
def postgresql():
    """The URL of a database in a real PostgreSQL server, which is gone after the tests."""
    pytest.importorskip("psycopg")
    programs, user = find_server(), None
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("needs the user postgres, because PostgreSQL does not run as root")
    folder = Path(tempfile.mkdtemp(prefix="prunepack-pg-"))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = (
        {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    )

    def run(program, *arguments):
        subprocess.run(
            [programs / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **settings,
        )

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "prunepack", "--auth=trust", "--no-sync")
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    )
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    yield f"postgresql://prunepack:secret@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def bucket(monkeypatch):
    with serve_bucket(monkeypatch) as address:
        yield address


@pytest.mark.slow
def test_three_workers_of_which_one_is_killed_find_what_one_does(tmp_path, postgresql, bucket):
    """Each worker has a machine of its own: they share the database and the bucket alone."""
    trials = 5
    alone = prepare(tmp_path / "alone", trials)
    assert call("search", "tiny.toml", cwd=alone).code == 0
    folders = [prepare(tmp_path / f"machine-{n}", trials) for n in range(3)]
    shared = ("--remote", bucket, "--grace", 5)
    first = start(folders[0], "--storage", postgresql, *shared)
    wait_for(folders[0], "trial 0 of 5", first)
    others = [start(folder, "--join", postgresql, *shared) for folder in folders[1:]]
    wait_for(folders[1], " of 5: prune.amount", others[0])
    time.sleep(1)
    others[0].kill()
    assert others[0].wait() == -9
    lost = read_messages(folders[1]).split("trial ")[-1].split()[0]
    for process, folder in ((first, folders[0]), (others[1], folders[2])):
        assert process.wait(600) == 0, read_messages(folder)
    expected = (alone / "artifacts/tiny/search.json").read_bytes()
    for folder in (folders[0], folders[2]):
        assert (folder / "artifacts/tiny/search.json").read_bytes() == expected
    messages = read_messages(folders[0]) + read_messages(folders[2])
    assert f"trial {lost}: its worker is dead; it is in the queue again" in messages
    ends = [end for folder in folders for end in list_ends(folder)]
    assert sorted(ends) == list(range(trials))
    builds = sum((count_builds(folder) for folder in (folders[0], folders[2])), Counter())
    twice = {key for key, count in builds.items() if count > 1}
    assert {stage for stage, _ in twice} <= {"load"}
    taken = call("search", "tiny.toml", "--join", postgresql, "--take", 4, cwd=folders[2])
    assert taken.code == 0, taken.err


@pytest.mark.slow
def test_a_database_that_may_not_be_written_to_is_refused(tmp_path, postgresql):
    import psycopg

    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("CREATE DATABASE locked")
    folder = prepare(tmp_path)
    place = postgresql.replace("prunepack:secret", "reader").replace("/postgres", "/locked")
    done = call("search", "tiny.toml", "--storage", place, cwd=folder)
    assert done.code == 2
    assert "permission denied for schema public" in done.error
    assert "Check the address and the rights" in done.error


def test_a_plain_install_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['optuna'] = None; sys.argv = ['prunepack', 'search', 'lenet']; "
        "from prunepack.pipeline.cli import main; main()"
    )
    done = call("-c", code, cwd=tmp_path, command=(sys.executable,))
    assert done.code == 2
    assert done.error == (
        "`prunepack search` needs the package `optuna`: found `optuna` is not installed. "
        "Run `pip install 'prunepack[search]'`"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--take", "0"), "the storage `artifacts/.store/searches/lenet.db` does not exist"),
        (("--join", "study.db"), "the storage `study.db` does not exist"),
        (("--join", "a.db", "--storage", "b.db"), "Give either --storage or --join"),
        (("-o", "x.toml"), "--output is for --take"),
        (("--set", "prune.method=n_m"), "`lenet` has nothing to search: expected an amount"),
        (("--set", "search.trials=0"), "lenet has 1 problem"),
        (("--storage", "postgresql://me:pw@127.0.0.1:9/db"), "//me@127.0.0.1:9/db` cannot be used"),
        (("--remote", "gopher://x"), "the remote store `gopher://x` cannot be used"),
    ],
)  # fmt: skip
def test_a_search_that_cannot_start_says_why(prunepack, arguments, message):
    done = prunepack("search", "lenet", *arguments)
    assert done.code == 2, done
    assert message in done.error
    assert "pw" not in done.err


LENET = """
[load]
model = "lenet"

[prune]
scope = "global"
amount = 0.9
schedule = "cubic"
steps = 2

[finetune]
epochs = 1
samples = 8000
lr = 3e-3
batch_size = 128

[gate]
limits = ["accuracy.drop <= 2", "accuracy.samples >= 10000", "size.ratio >= 5"]

[search]
trials = 9

[search.space]
prune.amount = { low = 0.8, high = 0.97 }
finetune.lr = { low = 1e-3, high = 2e-2, log = true }
finetune.batch_size = [32, 64, 128]
"""


@pytest.mark.slow
def test_a_search_on_lenet_finds_a_smaller_model_of_no_less_accuracy(tmp_path):
    (tmp_path / "lenet.toml").write_text(LENET)
    done = call("search", "lenet.toml", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    findings = json.loads(done.out)
    base, best = (
        findings["trials"][number]["scores"] for number in (0, findings["better_than_recipe"][0])
    )
    assert best["size.artifact"]["value"] < base["size.artifact"]["value"]
    assert best["accuracy.artifact"]["value"] >= base["accuracy.artifact"]["value"]
