"""Datasets: built-in ones from the cache, and what the user's function may return."""

import numpy as np
import pytest

import prunepack.stages.data.datasets
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.datasets import DATASETS, Data, Split, cached_file, fetch, open_data

FORM = "expected {'test': (inputs, labels)}, and 'train' and 'validation' to fine-tune"
X = (InputSpec(name="x", shape=(2,)),)
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
        f"the dataset `mnist` is not on this machine: expected {tmp_path}/mnist.safetensors. "
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
    with says(UsageError, "no dataset is named `minst`. Did you mean `mnist`?"):
        open_data("minst")
    assert DATASETS.names() == ["mnist", "photographs", "sentences", "tones"]


def test_the_users_function(write):
    data = open_data(f"{write(PAIR)}data", X)
    assert data.train is None
    assert data.validation is None
    assert len(data.test) == 2
    assert (data.test.inputs.dtype, data.test.labels.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(data.test.inputs, [[1, 2], [3, 4]])


def test_the_users_function_with_all_splits(user):
    data = open_data(f"{user}blobs", (InputSpec(shape=(8,)),))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [192, 96, 96]


def test_the_users_function_may_return_tensors(write):
    code = "import torch\ndef data(): return {'test': (torch.ones(2, 2), torch.tensor([1, 0]))}"
    np.testing.assert_array_equal(open_data(f"{write(code)}data", X).test.labels, [1, 0])


def test_the_users_function_may_return_a_data(write):
    code = (
        "import numpy as np\nfrom prunepack.stages.data.datasets import Data, Split\n"
        "DATA = Data(Split(np.ones((1, 2), np.float32), np.ones(1, np.int64)))\n"
        "def data(): return DATA"
    )
    assert isinstance(open_data(f"{write(code)}data", X), Data)


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        ("None", "nothing. Return a dictionary of splits by name"),
        (
            "{'train': ([[1, 2]], [0])}",
            "no split `test`. Return the split that accuracy is judged on",
        ),
        (
            "{'test': ([[1, 2]], [0]), 'val': ([[1, 2]], [0])}",
            "a split `val`. Choose among: test, train, validation",
        ),
        ("[([[1, 2]], [0])]", "a list. Return a dictionary of splits by name"),
    ],
)
def test_what_is_not_a_dataset(write, returned, found, says):
    reference = f"{write(f'def data(): return {returned}')}data"
    with says(UsageError, f"`{reference}()` is not a dataset: {FORM}, found {found}"):
        open_data(reference, X)


@pytest.mark.parametrize(
    ("split", "error", "message"),
    [
        (
            "7",
            UsageError,
            "is not a split of a dataset: expected (inputs, labels), a dictionary of arrays, a "
            "Dataset, a DataLoader or a generator, found an int",
        ),
        (
            "([[1, 2]], [0, 1])",
            RefusedError,
            "holds no samples that can be run: expected the same number for each input, and at "
            "least one, found 1 of x, 2 of labels. Return one label per sample, and as many "
            "samples for each input",
        ),
        (
            "([[1]], [0])",
            RefusedError,
            "does not fit the input `x`: expected float32[n, 2], found int64[1, 1]. Correct the "
            "shape in load.inputs, or give samples of that shape",
        ),
        (
            "([['a', 'b']], [0])",
            RefusedError,
            "does not fit the input `x`: expected float32, or values that float32 holds exactly, "
            "found <U1. Correct the dtype in load.inputs, or give float32 arrays",
        ),
        (
            "{'y': [[1, 2]]}",
            RefusedError,
            "does not fit the model: expected an array for each of x, found y",
        ),
    ],
)
def test_what_is_not_a_split(write, split, error, message, says):
    reference = f"{write(f'def data(): return dict(test={split})')}data"
    with says(error, f"split `test` of `{reference}` {message}"):
        open_data(reference, X)


def test_a_built_in_dataset_takes_no_arguments(says):
    with says(
        UsageError,
        "the built-in dataset `mnist` takes no arguments: expected load.dataset_arguments beside a "
        "function of your own, found `count`. Remove load.dataset_arguments",
    ):
        open_data("mnist", X, {"count": 3})


def test_arguments_reach_the_function(write):
    code = "import numpy as np\ndef data(count): return {'test': np.ones((count, 2), 'float32')}"
    assert len(open_data(f"{write(code)}data", X, {"count": 7}).test) == 7


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("raise OSError('no disk')", "OSError: no disk"),
        ("raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_a_users_function_that_fails(write, statement, found, says):
    reference = f"{write(f'def data(): {statement}')}data"
    hint = "Correct the function; -v shows the line"
    with says(UsageError, f"the dataset `{reference}()` failed: found {found}. {hint}"):
        open_data(reference)


def test_a_split_counts_its_samples():
    split = Split(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
    assert len(split) == 3
