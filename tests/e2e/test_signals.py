"""Signals end a command without a trace, whenever they come; a reader that leaves ends nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

COMMAND = str(Path(sys.executable).with_name("prunepack"))
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
MESSAGE = "Interrupted; no half-written file was left.\n"


@pytest.fixture(autouse=True)
def _default_signals():
    """Children inherit an ignored SIGHUP, as below nohup, and rightly go on ignoring it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A model that takes seconds to pack, and a larger one that is packed."""
    folder = tmp_path_factory.mktemp("big")
    random = np.random.default_rng(0)

    def save(path, count, values):
        tensors = [numpy_helper.from_array(values(i), f"w{i}") for i in range(count)]
        graph = helper.make_graph([], "g", [], [], tensors)
        onnx.save_model(helper.make_model(graph), path)

    save(folder / "m.onnx", 40, lambda _: random.standard_normal((500, 500)).astype(np.float32))
    save(folder / "flat.onnx", 60, lambda i: np.full((1000, 500), i, np.float32))
    subprocess.run(
        [COMMAND, "pack", "flat.onnx", "-o", "flat.prunepack", "--level", "fast"],
        cwd=folder,
        check=True,
    )
    return folder


def wait_for(condition, process):
    for _ in range(60_000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    pytest.fail("it did not happen within 5 min")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", ["pack m.onnx -o", "unpack flat.prunepack -o"])
def test_a_signal_leaves_no_scratch(command, number, big, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [COMMAND, *command.split(), out], cwd=big, stderr=subprocess.PIPE, encoding="utf-8"
    )
    wait_for(lambda: any(tmp_path.iterdir()), process)
    process.send_signal(number)
    said = process.communicate()[1]
    assert (process.returncode, said.lstrip()) == (128 + number, MESSAGE)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_leaves_a_store_that_works(number, tmp_path):
    command = [COMMAND, "run", "lenet", "--until", "prune"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, encoding="utf-8")
    scratch = tmp_path / "artifacts/.store/scratch"
    wait_for(lambda: any(scratch.glob("*")), process)
    process.send_signal(number)
    said = process.communicate()[1]
    assert process.returncode == 128 + number
    assert said.endswith(MESSAGE)
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []


SEND = """
import builtins, os, sys, time
original = builtins.__import__
def send(name, *args, **kwargs):
    if name.partition(":")[0] == {module!r}:
        builtins.__import__ = original
        os.kill(os.getpid(), {number})
    return original(name, *args, **kwargs)
builtins.__import__ = send
sys.argv = ["prunepack", *{arguments!r}]
from prunepack.__main__ import main
main()
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("prunepack.pipeline.cli", ["--version"]),
        ("click", ["--version"]),
        ("prunepack.unpacking", ["unpack", "flat.prunepack", "-o", "out"]),
        ("numpy", ["unpack", "flat.prunepack", "-o", "out"]),
        ("torch", ["load", "--model", "lenet", "-o", "out"]),
    ],
)
def test_a_signal_during_imports(number, module, arguments, big):
    code = SEND.format(module=module, number=int(number), arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=big, capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr.lstrip()) == (128 + number, MESSAGE)
    assert sorted(path.name for path in big.iterdir()) == ["flat.onnx", "flat.prunepack", "m.onnx"]


def test_nohup_is_respected(big, tmp_path):
    command = ["nohup", COMMAND, "unpack", "flat.prunepack", "-o", tmp_path / "out"]
    process = subprocess.Popen(command, cwd=big, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(tmp_path.iterdir()), process)
    process.send_signal(signal.SIGHUP)
    assert process.wait() == 0


FORK = """
import os, signal, time
from prunepack.pipeline.signals import interrupt_at_signals
interrupt_at_signals()
child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)
os.kill(child, signal.{name})
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_forked_processes_end_as_their_libraries_expect():
    code = FORK.format(name="SIGTERM")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{-signal.SIGTERM}\n"
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "| true", "2>&1 | true"])
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_the_exit_code_does_not_depend_on_a_reader(closed, words, big):
    """`diff` of two models exits with 1, whoever reads what it prints."""
    script = f'set -o pipefail; "$@" {closed}'
    command = ["bash", "-c", script, "bash", COMMAND, "diff", *words, "flat.prunepack", "m.onnx"]
    done = subprocess.run(command, cwd=big, check=False)
    assert done.returncode == 1


def test_an_artifact_does_not_take_the_number_of_a_closed_stream(big, tmp_path):
    command = [COMMAND, "unpack", "flat.prunepack", "-o", tmp_path / "out"]
    subprocess.run(["bash", "-c", '"$@" <&- >&- 2>&-', "bash", *command], cwd=big, check=True)
    assert (tmp_path / "out/flat.onnx").read_bytes() == (big / "flat.onnx").read_bytes()
