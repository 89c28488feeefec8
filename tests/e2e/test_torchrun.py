"""Fine-tuning on two processes by torchrun: equal masks, one writer, resumed after a kill."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

pytestmark = pytest.mark.slow

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
NET = """
import time

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(8, 32), nn.BatchNorm1d(32), nn.Linear(32, 4)
        self.unused = nn.Linear(8, 8)

    def forward(self, x):
        if self.training:
            time.sleep(0.02)
        return self.head(torch.relu(self.norm(self.body(x))))


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(1601, 0), "validation": split(500, 1), "test": split(500, 2)}


def train(context, wrap):
    model = context.model
    if wrap:
        model = nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for inputs, labels in context.train:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    context.log(f"process {context.rank} of {context.ranks}")
"""
RECIPE = """
[load]
model = "net.py:Net"
inputs = [{ name = "x", shape = [8] }]
dataset = "net.py:data"

[prune]
amount = 0.5

[finetune]
epochs = 4
batch_size = 32
lr = 0.01
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def start(project, *words, launcher=TORCHRUN):
    command = [sys.executable, *launcher, "-m", "prunepack", *words]
    return subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(project, *words, launcher=TORCHRUN):
    process = start(project, *words, launcher=launcher)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def tune(project, artifacts, *words):
    return ("run", "recipe.toml", "--artifacts", artifacts, "--until", "finetune", "-v", *words)


def list_workers(process):
    return [
        child
        for child in psutil.Process(process.pid).children()
        if "prunepack" in child.cmdline() and "torch.distributed.run" not in child.cmdline()
    ]


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "timeout"
        time.sleep(0.01)
    return value


def assert_same_weights(*files):
    first, *others = (torch.load(file, weights_only=True) for file in files)
    for other in others:
        assert first.keys() == other.keys()
        for name, tensor in first.items():
            assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("rank", [0, 1])
def test_two_processes_resume_after_a_kill_in_the_middle_of_an_epoch(project, rank):
    killed = start(project, *tune(project, "killed"))
    unfinished = project / "killed" / ".store" / "unfinished"
    wait_for(lambda: list(unfinished.glob("*/training.pt")) or killed.poll() is not None)
    time.sleep(0.2)  # of the 0.5 s that an epoch takes at least
    workers = wait_for(lambda: list_workers(killed))
    assert len(workers) == 2
    ranks = {int(worker.environ()["RANK"]): worker for worker in workers}
    os.kill(ranks[rank].pid, signal.SIGKILL)
    killed.communicate(timeout=120)
    assert killed.returncode != 0
    assert not (project / "killed" / "recipe").exists()

    code, out, err = run(project, *tune(project, "killed"))
    assert code == 0, err
    assert "the training continues after epoch" in err
    assert out.count("kept") == 1  # only process 0 reports
    assert list(unfinished.iterdir()) == []
    code, _, err = run(project, *tune(project, "whole"))
    assert code == 0, err
    assert "continues" not in err
    releases = (project / name / "recipe" for name in ("killed", "whole"))
    assert_same_weights(*(release / "pruned_model.pth" for release in releases))


def test_a_whole_run_passes_on_two_processes(project):
    recipe = project / "recipe.toml"
    recipe.write_text(RECIPE + "\n[measure]\nrepeats = 10\nrounds = 5\nseconds = 1.0\n")
    code, out, err = run(project, "run", "recipe.toml", "--json")
    assert code == 0, err
    assert json.loads(out)
    report = json.loads((project / "artifacts/recipe/report.json").read_text())
    notes = [note["text"] for note in report["notes"]]
    assert "the model was trained by 2 processes" in notes
    state = torch.load(project / "artifacts/recipe/pruned_model.pth", weights_only=True)
    assert any(name.endswith("_mask") for name in state)


def test_the_command_of_the_stage(project):
    words = ("load", "--model", "net.py:Net", "--inputs", "name=x,shape=8", "-o", "dense")
    assert run(project, *words, "--dataset", "net.py:data", launcher=())[0] == 0
    assert run(project, "prune", "dense", "-o", "masked", "--amount", "0.5", launcher=())[0] == 0
    words = ("finetune", "masked", "dense", "-o", "tuned", "--epochs", "1")
    code, _, err = run(project, *words)
    assert code == 0, err
    assert (project / "tuned" / "masked.safetensors").exists()
    assert [path.name for path in project.glob(".tuned*")] == []


@pytest.mark.parametrize("wrap", [True, False])
def test_a_hook_on_two_processes(project, wrap):
    (project / "recipe.toml").write_text(
        RECIPE + f'hook = "net.py:train"\narguments = {{ wrap = {str(wrap).lower()} }}\n'
    )
    code, _, err = run(project, *tune(project, "artifacts"))
    if wrap:
        assert code == 0, err
        return
    assert code != 0
    assert "the processes of the training differ in `body." in err
    assert "Wrap the model of your hook in DistributedDataParallel" in err
