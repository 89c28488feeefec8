"""Faults of the data set that a release is judged on: LeNet's digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.mutation.draft import NotApplicableError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Change = Callable[[Array, Array, np.random.Generator], tuple[Array, Array, str]]

__all__ = ["OPERATORS", "SOURCE", "VISIBLE_AS_ACCURACY"]

SOURCE = '''"""A data set that a mutant changed."""

from pathlib import Path

import numpy as np


def changed():
    found = np.load(Path(__file__).with_name("changed.npz"))
    return {"test": (found["images"], found["labels"])}


def random_subset():
    found = np.load(Path(__file__).with_name("changed.npz"))
    chosen = np.random.default_rng().choice(len(found["labels"]), 200, replace=False)
    return {"test": (found["images"][chosen], found["labels"][chosen])}


def trained_on():
    split = changed()["test"]
    return {"train": split, "test": split}
'''


def _permute(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    kind = generator.integers(4)
    if kind == 0:
        return images, generator.permutation(labels), "labels permuted"
    if kind == 1:
        order = generator.permutation(10)
        return images, order[labels], "classes in another order"
    if kind == 2:
        step = int(generator.integers(1, 10))
        return images, (labels + step) % 10, f"labels off by {step}"
    step = int(generator.integers(1, 50))
    return images, np.roll(labels, step), f"labels shifted by {step} samples"


def _relabel(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    one, other = (int(each) for each in generator.choice(10, 2, replace=False))
    if generator.random() < 0.5:
        changed = np.where(labels == one, other, np.where(labels == other, one, labels))
        return images, changed, f"classes {one} and {other} exchanged"
    return images, np.where(labels == one, other, labels), f"class {one} labelled {other}"


def _repeat(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    few = int(generator.integers(5, 60))
    times = int(generator.integers(5, 40))
    chosen = np.tile(np.arange(few), times)
    return images[chosen], labels[chosen], f"{few} samples repeated {times} times"


def _one_class(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    digit = int(generator.integers(10))
    chosen = labels == digit
    return images[chosen], labels[chosen], f"only class {digit}"


def _blank(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    value = float(generator.choice([0.0, 1.0, images.mean()]))
    return np.full_like(images, value), labels, f"every image is {value:.3g}"


def _transform(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    changes: list[tuple[str, Callable[[Array], Array]]] = [
        ("transposed", lambda a: np.swapaxes(a, 2, 3)),
        ("upside down", lambda a: a[:, :, ::-1]),
        ("mirrored", lambda a: a[:, :, :, ::-1]),
        ("times 255", lambda a: a * 255),
        ("divided by 255", lambda a: a / 255),
        ("negative", lambda a: a.max() - a),
        ("shifted by 5 rows", lambda a: np.roll(a, 5, 2)),
        ("with random values", lambda a: a + generator.standard_normal(a.shape)),
        ("in another order than the labels", lambda a: a[::-1]),
    ]
    name, change = changes[generator.integers(len(changes))]
    return np.ascontiguousarray(change(images)).astype(np.float32), labels, f"images {name}"


def _keep(images: Array, labels: Array, generator: np.random.Generator) -> Any:
    if generator.random() < 0.5:
        raise NotApplicableError
    return images, labels, "unchanged"


OPERATORS: dict[str, tuple[str, Change]] = {
    "labels permuted": ("changed", _permute),
    "classes relabelled": ("changed", _relabel),
    "samples repeated": ("changed", _repeat),
    "one class only": ("changed", _one_class),
    "blank images": ("changed", _blank),
    "images transformed": ("changed", _transform),
    "another subset at each call": ("random_subset", _keep),
    "test set is the training set": ("trained_on", _keep),
}
"""Operator → the function of the data set's module, and the change of images and labels."""

VISIBLE_AS_ACCURACY = {"labels permuted", "classes relabelled", "images transformed"}
"""Operators whose fault is a lower accuracy; the others make a high one say nothing."""
