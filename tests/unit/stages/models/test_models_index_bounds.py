"""Bounds of integer inputs, from the tables that a real model looks up."""

import pytest
import torch
from torch import nn

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.index_bounds import find_index_sizes, find_sizing_inputs


class Lookups(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(100, 4)
        self.places = nn.Embedding(12, 4)
        self.bag = nn.EmbeddingBag(33, 4)
        self.table = nn.Parameter(torch.randn(7, 4))

    def forward(self, word, place, row, mask, bag, select, twice):
        found = self.words(word) + self.places(place + 2) + self.table[row]
        found = found * mask[..., None] + self.bag(bag)[:, None]
        found = found + self.table.index_select(0, select.reshape(-1)).reshape(*select.shape, 4)
        return found + self.words(twice) + self.places(twice)


NAMES = ("word", "place", "row", "mask", "bag", "select", "twice")
INPUTS = tuple(InputSpec(name=name, shape=(5,), dtype="int64") for name in NAMES)


@pytest.mark.parametrize("seed", range(5))
def test_the_rows_of_the_smallest_table(seed):
    assert find_index_sizes(Lookups(), INPUTS, seed) == {
        "word": 100,
        "place": 10,
        "row": 7,
        "bag": 33,
        "select": 7,
        "twice": 12,
    }


def test_the_model_takes_what_is_drawn_and_little_more():
    model = Lookups()
    sizes = find_index_sizes(model, INPUTS, 0)
    arrays = random_inputs(INPUTS, 400, 0, sizes)
    model(*map(torch.from_numpy, arrays.values()))
    for name, size in sizes.items():
        assert arrays[name].max() == size - 1
        changed = {n: torch.from_numpy(a).clone() for n, a in arrays.items()}
        changed[name][0, 0] = size
        with pytest.raises((IndexError, RuntimeError)):
            model(*changed.values())


def test_a_model_of_floats_is_not_run():
    def fail(*args):
        raise AssertionError

    assert find_index_sizes(fail, (InputSpec(name="x", shape=(3,)),), 0) == {}


def test_a_model_that_fails_is_refused():
    inputs = (InputSpec(name="ids", shape=(3,), dtype="int64"),)
    with pytest.raises(RefusedError, match=r"the torch model cannot run on ids\[16, 3\]: found "):
        find_index_sizes(nn.Linear(3, 3), inputs, 0)


def test_a_dtype_that_is_smaller_than_the_table():
    inputs = (InputSpec(name="ids", shape=(1000,), dtype="uint8"),)
    ids = random_inputs(inputs, 4, 0, {"ids": 30000})["ids"]
    assert (ids.min(), ids.max()) == (0, 255)


class Repeats(nn.Module):
    """Durations of tokens, counts and ids of words."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 4)

    def forward(self, ids, durations, counts):
        words = self.words(ids) + counts.float().log1p()[..., None]
        return words.flatten(0, 1).repeat_interleave(durations.flatten(), 0)


class Ranges(nn.Module):
    def forward(self, length):
        return torch.arange(int(length.max()) + 1)


class OneHot(nn.Module):
    def forward(self, label):
        return nn.functional.one_hot(label, 3)


@pytest.mark.parametrize(
    ("module", "names", "sizing"),
    [
        (Repeats(), ("ids", "durations", "counts"), {"durations"}),
        (Ranges(), ("length",), {"length"}),
        (OneHot(), ("label",), set()),  # it refuses larger values
    ],
)
def test_inputs_that_decide_the_sizes_of_tensors(module, names, sizing):
    inputs = [InputSpec(name=name, shape=(5,), dtype="int64") for name in names]
    sizes = {"ids": 20} if "ids" in names else {}
    assert find_sizing_inputs(module, inputs, 0, sizes) == sizing
