"""Splits of a user's dataset: every form is read as the same batches, and nothing ahead."""

import numpy as np
import pytest

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.splits import Split, Stream, check_end
from prunepack.stages.data.user_samples import collect_samples

X = (InputSpec(name="x", shape=(2,)),)
TWO = (*X, InputSpec(name="ids", shape=(), dtype="int64"))
CODE = """
import random
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

x = np.arange(20, dtype=np.float32).reshape(10, 2)
y = np.arange(10)
READ = []


class Rows(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        READ.append(index)
        return x[index], int(y[index])


class Endless(IterableDataset):
    def __iter__(self):
        yield from ((x[index % 10], index % 10) for index in range(1000))


def batches():
    for start in range(0, 10, 4):
        yield x[start:start + 4], y[start:start + 4]


def arrays(): return {"test": (x, y)}
def tensors(): return {"test": (torch.from_numpy(x).requires_grad_(), torch.from_numpy(y))}
def tensor_dataset(): return {"test": TensorDataset(torch.from_numpy(x), torch.from_numpy(y))}
def rows(): return {"test": Rows()}
def loader(): return {"test": DataLoader(Rows(), batch_size=4)}
def workers(): return {"test": DataLoader(Rows(), batch_size=4, num_workers=1)}
def generator(): return {"test": batches()}
def function(): return {"test": batches}
def iterable(): return {"test": Endless()}
def samples(): return {"test": [(row, int(label)) for row, label in zip(x, y)]}
def by_name(): return {"test": {"x": x, "labels": y}}
def rows_by_name(): return {"test": [{"x": row.tolist(), "labels": int(c)} for row, c in zip(x, y)]}
def dict_and_labels(): return {"test": ({"x": x}, y)}
def batch_dicts(): return {"test": DataLoader([{"x": r, "labels": c} for r, c in zip(x, y)], 4)}
def alone(): return {"test": x}


def two(): return {"test": TensorDataset(*map(torch.from_numpy, (x, y, y)))}
def two_alone(): return {"test": (x, y)}
def two_nested(): return {"test": ((x, y), y)}


def drawn():
    def draw():
        while True:
            yield np.random.randn(1, 2).astype(np.float32) + torch.rand(1).item() + random.random()
    return {"test": draw()}


def chatty():
    def talk():
        print("hello")
        yield x, y
    return {"test": talk()}


def broken():
    def fail():
        yield x, y
        raise KeyError("gone")
    return {"test": fail()}


def ragged(): return {"test": [(np.ones(n, np.float32), 0) for n in (2, 3)]}
def half_labelled(): return {"test": [{"x": x[0], "labels": 0}, {"x": x[1]}]}
def nothing(): return {"test": iter([])}
"""
ONE_INPUT = (
    "arrays tensors tensor_dataset rows loader workers generator function samples by_name "
    "rows_by_name dict_and_labels batch_dicts"
)


@pytest.fixture
def opened(write):
    def opened(name, inputs=X):
        return open_data(f"{write(CODE)}{name}", inputs).test

    return opened


@pytest.mark.parametrize("name", ONE_INPUT.split())
def test_every_form_gives_the_same_samples(opened, name):
    batches = list(opened(name).read(3))
    assert max(len(batch) for batch in batches) <= 3
    x = np.concatenate([batch.arrays["x"] for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    np.testing.assert_array_equal(x, np.arange(20, dtype=np.float32).reshape(10, 2), strict=True)
    np.testing.assert_array_equal(labels, np.arange(10), strict=True)


@pytest.mark.parametrize(("name", "labelled"), [("two", 1), ("two_alone", 0), ("two_nested", 1)])
def test_a_tuple_has_one_entry_per_input(opened, name, labelled):
    (batch,) = opened(name, TWO).read(10)
    assert list(batch.arrays) == ["x", "ids"]
    assert (batch.labels is not None) == labelled


def test_inputs_alone_have_no_labels(opened):
    assert opened("alone").labels is None


def test_nothing_is_read_ahead(opened, write):
    split = opened("rows")
    assert split.samples == 10
    assert len(next(split.read(2))) == 2
    read = split.source.__getitem__.__func__.__globals__["READ"]
    assert max(read) <= 2


def test_an_order_applies_to_samples_with_an_index(opened):
    order = np.array([7, 1, 4])
    for name in ("arrays", "rows"):
        (batch,) = opened(name).read(3, order)
        assert batch.labels.tolist() == [7, 1, 4]


@pytest.mark.parametrize("name", ["generator", "function", "loader"])
def test_a_stream_can_be_read_again(opened, name):
    split = opened(name)
    first, again = (np.concatenate([b.labels for b in split.read(4)]) for _ in range(2))
    assert first.tolist() == again.tolist() == [*range(10)]


def test_batches_of_the_user_stay_whole_for_training(opened):
    assert [len(batch) for batch in opened("loader").read(3, cut=False)] == [4, 4, 2]


@pytest.mark.parametrize(
    ("name", "count"), [("arrays", 4), ("rows", 4), ("loader", 3), ("generator", None)]
)
def test_the_number_of_batches_is_known_or_not(opened, name, count):
    assert opened(name).count_batches(3) == count
    assert opened(name).has_end is (count is not None)


def test_random_numbers_go_on_and_are_the_same_in_every_stage(opened):
    read = []
    for _ in range(2):
        batches = opened("drawn").read(1)
        read.append(np.concatenate([next(batches).arrays["x"] for _ in range(3)]))
    np.testing.assert_array_equal(*read)
    assert len(np.unique(read[0])) == 6


def test_prints_of_user_code_are_no_result(opened, capsys):
    list(opened("chatty").read(5))
    assert capsys.readouterr() == ("", "hello\n")


def test_code_that_fails_while_it_is_read(opened, write, says):
    batches = opened("broken").read(10)
    next(batches)
    with says(
        UsageError, f"split `test` of `{write('')}broken` cannot be read: found KeyError: 'gone'"
    ):
        next(batches)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ragged",
            "the samples of {} differ in shape: expected one shape of `x` in all samples, found "
            "[2] and [3]. Pad the samples, or give batches: a DataLoader with a collate_fn of your "
            "own",
        ),
        (
            "half_labelled",
            "{} has labels for some samples only: expected labels for all samples or for none, "
            "found 1 of 2",
        ),
    ],
)
def test_samples_that_do_not_stack(opened, write, name, message, says):
    split = opened(name)
    with says(RefusedError, message.format(f"split `test` of `{write('')}{name}`")):
        list(split.read(2))


def test_an_end_that_is_not_known(opened, write, says):
    with says(
        UsageError,
        f"the end of split `test` of `{write('')}iterable` is not known: expected (inputs, "
        "labels), a Dataset or a DataLoader; or a number in verify.samples, found an Endless. Set "
        "verify.samples to the number of samples to read",
    ):
        check_end(opened("iterable"), 0, "verify.samples")
    check_end(opened("iterable"), 5, "verify.samples")
    check_end(opened("loader"), 0, "verify.samples")


def test_the_first_samples_of_a_stream(write):
    spec = ModelSpec(model="m", inputs=X, dataset=f"{write(CODE)}iterable")
    (source,) = collect_samples("", spec, 25)
    assert [len(batch) for batch in source.batches(10, 25)] == [10, 10, 5]


def test_a_stream_without_samples(write, says):
    reference = f"{write(CODE)}nothing"
    (source,) = collect_samples("", ModelSpec(model="m", inputs=X, dataset=reference), 25)
    with says(RefusedError, f"split `test` of `{reference}` has no samples: expected some"):
        list(source.batches(10, 25))


def test_a_mapped_file_is_not_read_as_a_whole(tmp_path, write):
    np.save(tmp_path / "x.npy", np.ones((10, 2), np.float64))
    code = f"import numpy as np\ndef data(): return {{'test': np.load('{tmp_path}/x.npy', 'r')}}"
    split = open_data(f"{write(code)}data", X).test
    assert isinstance(split, Split)
    assert isinstance(split.inputs, np.memmap)
    assert next(split.read(2)).arrays["x"].dtype == np.float32


def test_a_stream_keeps_the_object_of_the_user(opened):
    split = opened("loader")
    assert isinstance(split, Stream)
    assert split.source.batch_size == 4


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ("np.zeros((1000, 2)), 0", "1000 of x, 0 of labels"),
        ("np.zeros((10, 2)), np.zeros(9)", "10 of x, 9 of labels"),
        ("np.zeros((0, 2)), np.zeros(0)", "0 of x, 0 of labels"),
        ("(np.zeros((10, 2)), np.zeros(()))", "10 of x, 0 of labels"),
    ],
)
def test_a_batch_of_a_stream_whose_parts_do_not_fit(write, batch, found):
    code = f"import numpy as np\ndef batches():\n    yield {batch}\n"
    code += "def data(): return {'test': batches()}"
    reference = f"{write(code)}data"
    (source,) = collect_samples("", ModelSpec(model="m", inputs=X, dataset=reference), 25)
    with pytest.raises(RefusedError) as error:
        list(source.batches(4, 25))
    assert error.value.what == f"split `test` of `{reference}` holds no samples that can be run"
    assert error.value.found == found
