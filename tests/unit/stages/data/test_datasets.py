"""Datasets: built-in ones from the cache, and what the user's function may return."""

import numpy as np
import pytest

import prunepack.stages.data.datasets
from prunepack.errors import UsageError
from prunepack.stages.data.datasets import DATASETS, Data, Split, cached_file, fetch, open_data

FORM = "expected {'test': (inputs, labels)}, and 'train' and 'validation' to fine-tune"
PAIR = "def data(): return {'test': ([[1, 2], [3, 4]], [0, 1])}"


@pytest.fixture
def built_in(tmp_path, monkeypatch):
    """A built-in dataset of its own, whose fetching can be counted, with an empty cache."""
    (tmp_path / "digits_of_tests.py").write_text(
        "from prunepack.stages.data.datasets import Dataset\n"
        "FETCHED = []\n"
        "def fetch(path):\n"
        "    path.write_text('half')\n"
        "    FETCHED.append(path)\n"
        "    if len(FETCHED) == 1: raise ConnectionError('gone')\n"
        "    path.write_text('whole')\n"
        "DATASET = Dataset('digits.txt', fetch, lambda path: path.read_text())\n"
    )
    monkeypatch.setattr(prunepack.stages.data.datasets, "__path__", [str(tmp_path)])
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path / "cache" / "deep"))
    return "digits_of_tests"


def test_a_download_that_fails_leaves_nothing(built_in, tmp_path):
    with pytest.raises(ConnectionError):
        fetch(built_in)
    assert list((tmp_path / "cache" / "deep").iterdir()) == []
    path, fresh = fetch(built_in)
    assert (path.read_text(), fresh) == ("whole", True)
    assert [path] == list((tmp_path / "cache" / "deep").iterdir())
    assert fetch(built_in) == (path, False)
    assert open_data(built_in) == "whole"


def test_a_dataset_that_was_not_fetched(tmp_path, monkeypatch, says):
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path))
    with says(
        UsageError,
        f"the dataset 'mnist' is not on this machine: expected {tmp_path}/mnist.safetensors. "
        "Run `prunepack fetch mnist` once",
    ):
        open_data("mnist")


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.delenv("PRUNEPACK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cached_file("mnist") == tmp_path / "xdg" / "prunepack" / "mnist.safetensors"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cached_file("mnist") == tmp_path / ".cache" / "prunepack" / "mnist.safetensors"
    monkeypatch.setenv("PRUNEPACK_CACHE", "~/elsewhere")
    assert cached_file("mnist") == tmp_path / "elsewhere" / "mnist.safetensors"


def test_an_unknown_name(says):
    with says(UsageError, "no dataset is named 'minst'. Did you mean 'mnist'?"):
        open_data("minst")
    assert DATASETS.names() == ["mnist"]


def test_the_users_function(write):
    data = open_data(f"{write(PAIR)}data")
    assert data.train is None
    assert data.validation is None
    assert len(data.test) == 2
    assert (data.test.inputs.dtype, data.test.labels.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(data.test.inputs, [[1, 2], [3, 4]])


def test_the_users_function_with_all_splits(user):
    data = open_data(f"{user}blobs")
    assert [len(split) for split in (data.train, data.validation, data.test)] == [192, 96, 96]


def test_the_users_function_may_return_tensors(write):
    code = "import torch\ndef data(): return {'test': (torch.ones(2, 3), torch.tensor([1, 0]))}"
    np.testing.assert_array_equal(open_data(f"{write(code)}data").test.labels, [1, 0])


def test_the_users_function_may_return_a_data(write):
    code = (
        "import numpy as np\nfrom prunepack.stages.data.datasets import Data, Split\n"
        "DATA = Data(Split(np.ones((1, 2), np.float32), np.ones(1, np.int64)))\n"
        "def data(): return DATA"
    )
    assert isinstance(open_data(f"{write(code)}data"), Data)


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        ("None", "'NoneType' object has no attribute 'items'"),
        (
            "{'train': ([[1]], [0])}",
            "Data.__init__() missing 1 required positional argument: 'test'",
        ),
        (
            "{'test': ([[1]], [0]), 'holdout': ([[1]], [0])}",
            "Data.__init__() got an unexpected keyword argument 'holdout'",
        ),
        (
            "{'test': 7}",
            "cannot unpack non-iterable int object",
        ),
        (
            "{'test': ([[1]], [0, 1])}",
            "inputs and labels of the shapes (1, 1) and (2,), not (n, …) and (n,)",
        ),
        (
            "{'test': ([[1]], [[0, 1]])}",
            "inputs and labels of the shapes (1, 1) and (1, 2), not (n, …) and (n,)",
        ),
        ("{'test': ([['a']], [0])}", "could not convert string to float: 'a'"),
    ],
)
def test_what_is_not_a_dataset(write, returned, found, says):
    reference = f"{write(f'def data(): return {returned}')}data"
    with says(UsageError, f"{reference}() is not a dataset: {FORM}, found {found}"):
        open_data(reference)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("raise OSError('no disk')", "OSError: no disk"),
        ("raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_a_users_function_that_fails(write, statement, found, says):
    reference = f"{write(f'def data(): {statement}')}data"
    with says(UsageError, f"{reference}() failed: found {found}"):
        open_data(reference)


def test_a_split_counts_its_samples():
    split = Split(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
    assert len(split) == 3
