"""A training that is killed after an epoch goes on from there, and ends with the same bits."""

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import Silent, reporting_to
from prunepack.stages.contract.resumption import open_resume_folder, resuming_in
from prunepack.stages.data.datasets import Data, Split
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.loop import fit
from prunepack.stages.training.ranks import Ranks
from prunepack.stages.training.state import read_state, write_state

CONFIG = TrainConfig(epochs=4, lr=0.02, batch_size=16, optimizer="sgd", momentum=0.9)


def split(count, seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count)
    blobs = 2 * np.eye(3, 8)[labels] + generator.normal(size=(count, 8))
    return Split(blobs.astype(np.float32), labels)


DATA = Data(split(50, 0), split(100, 1), split(60, 2))


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, 3))


class Killed(BaseException):
    """A kill, as seen from inside."""


class Killer(Silent):
    """Kills in the middle of an epoch, and hears the notes."""

    def __init__(self, epoch):
        self.title, self.notes = f"epoch {epoch} of 4", []

    def track(self, items, what, total):
        for number, item in enumerate(items):
            if what == self.title and number == total // 2:
                raise Killed
            yield item

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_a_killed_training_ends_with_the_bits_of_one_that_was_not(tmp_path, epoch):
    whole = build()
    expected = fit(whole, DATA, CONFIG)
    with pytest.raises(Killed), reporting_to(Killer(epoch)):
        fit(build(), DATA, CONFIG, folder=tmp_path)
    listener, again = Killer(5), build()
    with reporting_to(listener):
        assert fit(again, DATA, CONFIG, folder=tmp_path) == expected
    goes_on = f"the training continues after epoch {epoch - 1}"
    assert (goes_on in listener.notes) is (epoch > 1)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_a_training_that_was_killed_after_its_last_epoch(tmp_path):
    expected = fit(build(), DATA, CONFIG, folder=tmp_path)
    again = build()
    assert fit(again, DATA, CONFIG, folder=tmp_path) == expected


def test_a_damaged_state_is_not_used(tmp_path):
    fit(build(), DATA, CONFIG, folder=tmp_path)
    path = tmp_path / "training.pt"
    path.write_bytes(path.read_bytes()[:1000])
    listener = Killer(5)
    with reporting_to(listener):
        fitted = fit(build(), DATA, CONFIG, folder=tmp_path)
    assert fitted == fit(build(), DATA, CONFIG)
    assert listener.notes[0].startswith(f"{path} cannot be read (")
    assert listener.notes[0].endswith("): training starts anew")


def test_a_process_without_the_state_of_process_0(tmp_path, monkeypatch):
    monkeypatch.setattr(Ranks, "broadcast", lambda _self, _value: 2)
    monkeypatch.setattr(Ranks, "wrap", lambda _self, model: model)
    with pytest.raises(UsageError) as caught:
        fit(build(), DATA, CONFIG, folder=tmp_path, ranks=Ranks(1, 2))
    assert caught.value.what == "process 1 cannot read the state of the training"
    assert caught.value.expected == f"the files of process 0 in `{tmp_path}`"
    assert caught.value.found == "none, or others"
    assert caught.value.hint == "Put --artifacts on a disk that all machines share"


def test_a_state_is_tensors_and_numbers(tmp_path):
    assert read_state(tmp_path, torch.device("cpu")) is None
    write_state(tmp_path, {"done": 3, "kept": {"a": torch.ones(2)}})
    state = read_state(tmp_path, torch.device("cpu"))
    assert state["done"] == 3
    assert torch.equal(state["kept"]["a"], torch.ones(2))


def test_the_folder_is_that_of_the_runner_or_a_temporary_one(tmp_path):
    with resuming_in(tmp_path), open_resume_folder() as folder:
        assert folder == tmp_path
    with open_resume_folder() as folder:
        assert folder.is_dir()
        assert folder != tmp_path
    assert not folder.exists()
