"""User code leaves nothing behind in the process, and stdout to results."""

import ctypes
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from prunepack.stages.contract.user_code import load_user_code
from prunepack.stages.contract.user_effects import contain_effects


def test_the_working_folder_is_restored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    with contain_effects():
        os.chdir("inner")
    assert Path.cwd() == tmp_path


def test_prints_go_to_stderr(capsys):
    with contain_effects():
        print("loading")
    assert capsys.readouterr() == ("", "loading\n")


def test_warnings_do_not_stay_errors_and_silence_may():
    with warnings.catch_warnings():
        with contain_effects():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("error", UserWarning)
        added = [(action, kind) for action, _, kind, *_ in warnings.filters]
        assert ("ignore", DeprecationWarning) in added
        assert ("error", UserWarning) not in added


def test_numpy_does_not_go_on_to_raise():
    before = np.geterr()
    with contain_effects():
        np.seterr(all="raise")
    assert np.geterr() == before


def test_user_code_does_not_see_the_words_of_the_command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prunepack", "run", "lenet"])
    with contain_effects():
        assert sys.argv == ["prunepack"]
        sys.argv.append("--more")
    assert sys.argv == ["prunepack", "run", "lenet"]


@pytest.mark.parametrize(
    "write",
    [
        lambda: os.write(1, b"loading\n"),
        lambda: subprocess.run(["echo", "loading"], check=True),
        lambda: ctypes.CDLL(None).puts(b"loading"),
    ],
)
def test_prints_of_native_code_and_children_go_to_stderr(write, capfd):
    with contain_effects():
        write()
    os.write(1, b"result\n")
    assert capfd.readouterr() == ("result\n", "loading\n")


@pytest.mark.parametrize("draw", [random.random, np.random.random, lambda: torch.rand(1).item()])
def test_random_states_are_restored(draw):
    with contain_effects():
        first = draw()
    assert draw() == first


def test_the_modes_of_torch_are_restored():
    with contain_effects():
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_default_device() == torch.device("cpu")
    assert torch.is_grad_enabled()
    assert torch.zeros(1).device.type == "cpu"


def test_a_failure_restores_too(tmp_path):
    before = Path.cwd()

    def fail():
        os.chdir(tmp_path)
        torch.set_default_dtype(torch.float64)
        raise KeyError

    with pytest.raises(KeyError), contain_effects():
        fail()
    assert (Path.cwd(), torch.get_default_dtype()) == (before, torch.float32)


def test_torch_that_the_block_imports_gets_its_own_defaults():
    code = (
        "from prunepack.stages.contract.user_effects import contain_effects\n"
        "with contain_effects():\n"
        "    import torch; torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)\n"
        "print(torch.get_default_dtype(), torch.is_grad_enabled())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "torch.float32 True\n"


CODE = """
import os
print("imported")
os.chdir("/")

def build():
    print("called")
    os.chdir("/")
    return 7
"""


def test_imports_and_calls_of_user_code_are_contained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(CODE)
    assert load_user_code("net.py:build")() == 7
    assert Path.cwd() == tmp_path
    assert capsys.readouterr() == ("", "imported\ncalled\n")
