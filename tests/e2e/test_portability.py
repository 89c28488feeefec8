"""Windows and macOS, as far as they can be simulated: modules and calls that they lack are hidden.

A ``sitecustomize`` module hides them in every process, children too. Output goes to a terminal of
Windows' Western encoding, and a file opened without an encoding is an error.
"""

import json
import os
import sys

import pytest

from tests.e2e.conftest import call

HIDE = """
import os, sys, warnings
import psutil  # of Linux, which needs some of them
del psutil.Process.cpu_affinity
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("fchmod", "fchown", "getuid", "sched_getaffinity", "sched_setaffinity", "O_NOFOLLOW"):
    if hasattr(os, name):
        delattr(os, name)
warnings.filterwarnings("error", category=EncodingWarning, module=r"prunepack(\\.|$)")
"""
RECIPE = """# Größe ≤ 1
[prune]
amount = 0.5
[finetune]
epochs = 0
[verify]
samples = 50
[measure]
repeats = 10
rounds = 5
seconds = 0.1
batch_sizes = [1]
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder, and a way to run ``prunepack`` in it on the simulated system."""
    folder = tmp_path_factory.mktemp("elsewhere")
    hooks = tmp_path_factory.mktemp("hooks")
    (hooks / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
    (folder / "small.toml").write_text(RECIPE, encoding="utf-8")
    env = os.environ | {
        "PYTHONPATH": str(hooks),
        "PYTHONIOENCODING": "cp1252",
        "PYTHONWARNDEFAULTENCODING": "1",
    }
    module = (sys.executable, "-m", "prunepack")

    def run(*arguments):
        return call(*arguments, cwd=folder, command=module, env=env, encoding="cp1252")

    done = run("run", "small.toml")
    assert done.code == 0, done.err + done.out
    return folder, run, done


def test_a_run_ends_with_its_sentence_in_ascii(elsewhere):
    _, _, done = elsewhere
    assert done.out.splitlines()[-1].startswith("small, run 1: ")
    assert "-----" in done.out
    assert "->" in done.out
    assert "stage 1 of 11: load … (first run)" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("gate", "artifacts/small"),
        ("inspect", "artifacts/small"),
        ("inspect", "artifacts/small/model.onnx"),
        ("explain", "small"),
        ("gc",),
        ("pack", "artifacts/small/model.onnx", "-o", "x.prunepack"),
        ("unpack", "artifacts/small/model.prunepack", "-o", "unpacked"),
        ("run", "--help"),
        ("--help",),
        ("run", "small.toml"),
    ],
)
def test_a_command_works(elsewhere, words):
    done = elsewhere[1](*words)
    assert done.code == 0, done.err + done.out


def test_json_is_whole_and_ascii(elsewhere):
    done = elsewhere[1]("explain", "small", "--json")
    assert json.loads(done.out)
    assert done.out.isascii()


def test_an_error_is_told_in_ascii(elsewhere):
    done = elsewhere[1]("inspect", "→.onnx")
    assert done.code == 2
    assert "->.onnx" in done.err


def test_packing_restores_every_byte(elsewhere):
    folder, run, _ = elsewhere
    assert run("pack", "artifacts/small/model.onnx", "-o", "y.prunepack").code == 0
    assert run("unpack", "y.prunepack", "-o", "back").code == 0
    model = (folder / "artifacts/small/model.onnx").read_bytes()
    assert (folder / "back/model.onnx").read_bytes() == model
