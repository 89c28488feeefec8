"""Processes of one training: shares of a batch, and tensors that must be equal in all."""

import numpy as np
import pytest
import torch
from torch import distributed, nn

from prunepack.errors import RefusedError
from prunepack.pipeline.cli.processes import run_with_followers
from prunepack.stages.data.datasets import Data, Split
from prunepack.stages.data.samples import Samples
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.loop import fit
from prunepack.stages.training.ranks import ALONE, Ranks, connect, is_follower


@pytest.mark.parametrize(
    ("count", "shares"),
    [(1, [[0, 1, 2, 3, 4]]), (2, [[0, 1, 2], [3, 4, 0]]), (3, [[0, 1], [2, 3], [4, 0]])],
)
def test_shares_are_of_one_size_and_cover_the_batch(count, shares):
    batch = Samples("x", {"input": np.arange(5)}, np.arange(5))
    for rank, share in enumerate(shares):
        taken = Ranks(rank, count).share(batch)
        assert taken.arrays["input"].tolist() == taken.labels.tolist() == share


def test_equal_processes_pass_and_other_ones_are_named(monkeypatch):
    def gather(every, mine):
        every[:] = [mine, {**mine, "bias": "other"}]

    def gather_equal(every, mine):
        every[:] = [mine, mine]

    model = nn.Linear(2, 2)
    monkeypatch.setattr(distributed, "all_gather_object", gather)
    with pytest.raises(RefusedError) as caught:
        Ranks(0, 2).check_equal(model)
    error = caught.value
    assert error.what == "the processes of the training differ in `bias`"
    assert error.expected == "the same bits in every process"
    assert error.found == "other bits in process 1 than in process 0"
    assert error.hint == "Wrap the model of your hook in DistributedDataParallel"
    monkeypatch.setattr(distributed, "all_gather_object", gather_equal)
    Ranks(0, 2).check_equal(model)


def test_one_process_is_alone(monkeypatch):
    monkeypatch.setenv("RANK", "1")  # of another launcher
    assert connect() is ALONE
    assert not is_follower()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    assert is_follower()
    model = nn.Linear(2, 2)
    assert ALONE.wrap(model) is model
    assert ALONE.broadcast(model) is model
    ALONE.check_equal(model)
    ALONE.share_buffers(model)


def test_a_command_in_one_process_has_no_followers(monkeypatch):
    assert run_with_followers(lambda: 5, lambda _: 6) == 5
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert run_with_followers(lambda: 5, lambda _: 6) == 5


def test_a_last_batch_of_one_sample_is_left_out():
    """A BatchNorm fails on one sample."""
    torch.manual_seed(0)  # with some weights, no epoch is better than none
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(33, 4)).astype(np.float32), generator.integers(0, 2, 33)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    split = Split(x, y)
    fit(model, Data(split, split, split), TrainConfig(epochs=1, batch_size=16))
    assert all(tensor.isfinite().all() for tensor in model.parameters())
    single = nn.Linear(4, 2)
    before = single.weight.clone()
    fit(single, Data(split, split, split), TrainConfig(epochs=1, batch_size=1))
    assert not torch.equal(single.weight, before)
