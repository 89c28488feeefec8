"""Parts of five photographs that scikit-image ships, as inputs of networks for ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.data.datasets import ComputedDataset, Data, Split
from prunepack.stages.data.wheel_files import WheelFile

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

__all__ = ["DATASET", "cut_parts"]

_SHA256 = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}
FILES = tuple(
    WheelFile("scikit-image==0.26.0", f"skimage/data/{name}", sha256)
    for name, sha256 in _SHA256.items()
)
SIDE = 224
SMALLEST, LARGEST = 0.4, 1.0
"""Sides of a part, as fractions of the shorter side of its photograph."""
TEST, TRAIN = 40, 20
"""Parts of each photograph."""

MEAN, DEVIATION = 127.0, 128.0
"""Normalisation of EfficientNet-Lite."""


def cut_parts(count: int, seed: int) -> npt.NDArray[np.float32]:
    """Return ``count`` random square parts of each photograph, (n, 3, 224, 224)."""
    from PIL import Image

    generator = np.random.default_rng(seed)
    parts = []
    for file in FILES:
        with Image.open(file.fetch()) as opened:
            photograph = opened.convert("RGB")
        parts += [_cut(photograph, generator) for _ in range(count)]
    normalised = (np.stack(parts).astype(np.float32) - MEAN) / DEVIATION
    return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))


def _cut(photograph: Image, generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    from PIL.Image import Transpose

    side = int(min(photograph.size) * generator.uniform(SMALLEST, LARGEST))
    left, top = (int(generator.integers(0, size - side + 1)) for size in photograph.size)
    part = photograph.resize((SIDE, SIDE), box=(left, top, left + side, top + side))
    if generator.random() < 0.5:
        part = part.transpose(Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(part, np.uint8)


def open_photographs() -> Data:
    """Return 200 parts to test on and 100 to calibrate on, without labels."""
    return Data(test=Split(cut_parts(TEST, 1)), train=Split(cut_parts(TRAIN, 2)))


DATASET = ComputedDataset(files=FILES, open=open_photographs)
