"""The command line as a user meets it: a process of its own in a folder of its own."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("prunepack"))


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


def call(*arguments, cwd, command=(COMMAND,), env=None, encoding="utf-8"):
    done = subprocess.run(
        [*command, *map(str, arguments)],
        check=False,
        cwd=cwd,
        env=env,
        capture_output=True,
        encoding=encoding,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def prunepack(tmp_path):
    """Run ``prunepack ARGUMENTS`` in an empty folder."""

    def run(*arguments):
        return call(*arguments, cwd=tmp_path)

    return run


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A folder in which the built-in recipe has been run once, for real, and what it said."""
    folder = tmp_path_factory.mktemp("released")
    return folder, call("run", "lenet", cwd=folder)
