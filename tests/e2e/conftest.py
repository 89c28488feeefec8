"""The command line as a user meets it: a process of its own in a folder of its own."""

import atexit
import fcntl
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("prunepack"))
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)  # commands inherit the default


FIELD = re.compile(r"^(?:error: |  (?P<side>expected|found|in) +|hint: | {11})(?P<text>.*)")


@dataclass(frozen=True)
class Done:
    """The end of a command: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def error(self):
        """The error on stderr in one line, as ``str(PrunepackError)`` writes it."""
        fields = [match for line in self.err.splitlines() if (match := FIELD.match(line))]
        what = [m["text"] for m in fields if m[0].startswith("error: ")]
        sides = [f"{m['side']} {m['text']}" for m in fields if m["side"] in {"expected", "found"}]
        where = [part for m in fields if m["side"] == "in" for part in m["text"].split(" › ")]
        others = [m["text"] for m in fields if m[0].startswith(" " * 11)]
        hints = [m["text"] for m in fields if m[0].startswith("hint: ")]
        found = ["\n".join([", ".join(sides), *others])] if sides else []
        return ". ".join([": ".join([*where, *what, *found]), *hints])


@cache
def start_server():
    """Start the server of forked commands, which ends with this process."""
    words = [sys.executable, Path(__file__).with_name("fork_server.py")]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)
    return server


def run_forked(words, cwd, env):
    """Run a command in a process that the server forks; return its exit code and its output."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [f"{folder}/{name}" for name in ("in", "out", "err")]
        given = {"words": words, "cwd": str(cwd), "env": env or dict(os.environ)}
        server = start_server()
        server.stdin.write(json.dumps(given | {"streams": streams}) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(
            words, code, *(Path(path).read_bytes() for path in streams[1:])
        )


def call(*arguments, cwd, command=(), env=None, encoding="utf-8"):
    """Run ``prunepack`` in a forked process, or another command in a new one."""
    words = list(map(str, arguments))
    if command:
        words = [*command, *words]
        done = subprocess.run(words, check=False, cwd=cwd, env=env, capture_output=True)
    else:
        done = run_forked([COMMAND, *words], cwd, env)
    out, err = (
        io.TextIOWrapper(io.BytesIO(text), encoding).read() for text in (done.stdout, done.stderr)
    )
    assert "Traceback" not in err + out, err
    return Done(done.returncode, out, err)


@pytest.fixture
def prunepack(tmp_path):
    """Run ``prunepack ARGUMENTS`` in an empty folder."""

    def run(*arguments):
        return call(*arguments, cwd=tmp_path)

    return run


@pytest.fixture(scope="session")
def released(tmp_path_factory, worker_id):
    """A folder in which the built-in recipe has been run once, for real, and what it said.

    The first process of a test run makes it; each one has a copy of its own.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "released_once"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done.json").exists():
            (shared / "folder").mkdir()
            done = call("run", "lenet", cwd=shared / "folder", command=(COMMAND,))
            (shared / "done.json").write_text(json.dumps(asdict(done)))
    folder = shutil.copytree(shared / "folder", tmp_path_factory.mktemp("released") / "folder")
    return folder, Done(**json.loads((shared / "done.json").read_text()))
