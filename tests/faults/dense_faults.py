"""Faults of the dense model that a release is compared with: another one, or a padded one."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnx

from tests.faults.commands import run_honest
from tests.faults.fault import Fault
from tests.faults.lab import build, copy_of
from tests.faults.planting import edit_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from tests.faults.fault import Command

__all__ = ["FAULTS"]


def _other_seed(folder: Path) -> Sequence[Command]:
    """Compare with the same network, with other weights."""
    release = copy_of("heads", folder)
    other = build(folder / "other", "heads", seed=1)
    shutil.rmtree(release / "dense")
    shutil.copytree(other / "dense", release / "dense")
    return [release.verify()]


def _pruned_as_dense(folder: Path) -> Sequence[Command]:
    """Compare the pruned model with itself, so that nothing was lost."""
    release = copy_of("heads", folder)
    shutil.rmtree(release / "dense")
    shutil.copytree(release / "final", release / "dense")
    return [release.verify()]


def _edited(folder: Path) -> Sequence[Command]:
    """Make one weight of the dense model worse."""
    from safetensors.numpy import load_file, save_file

    release = copy_of("heads", folder)
    file = release / "dense/weights.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[0]
    tensors[name] = tensors[name] + np.float32(1e-3)
    save_file(tensors, file)
    return [release.verify()]


def _other_in_measure(folder: Path) -> Sequence[Command]:
    """Verify with one dense model and measure with another."""
    release = copy_of("heads", folder)
    other = build(folder / "other", "heads", seed=1)
    run_honest(release.verify())
    shutil.rmtree(release / "dense")
    shutil.copytree(other / "dense", release / "dense")
    return [release.measure(), ["gate", str(release / "parity"), str(release / "measured")]]


def _initializer(model: Any) -> None:
    padding = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(padding, "padding"))


def _text(model: Any) -> None:
    model.doc_string = "x" * (1 << 22)


def _metadata(model: Any) -> None:
    model.metadata_props.add(key="history", value="x" * (1 << 22))


def _padded(edit: Callable[[Any], None], folder: Path) -> Sequence[Command]:
    release = copy_of("heads", folder)
    edit_file(release / "dense_onnx/model.onnx", edit)
    return [release.measure()]


def _padded_file(edit: Callable[[Any], None], folder: Path) -> Sequence[Command]:
    """Measure two files, without the masks that tell how large the dense one should be."""
    release = copy_of("heads", folder)
    dense = release / "dense_onnx/model.onnx"
    edit_file(dense, edit)
    return [["measure", str(dense), str(release.model), "-o", str(folder / "pair")]]


def _fault(name: str, plant: Callable[[Path], Sequence[Command]], says: str) -> Fault:
    return Fault(name, "model", plant, 4, says, found_by="others")


OTHER = "the dense model is not the one that was pruned: expected"

FAULTS = (
    _fault("a dense model with other weights", _other_seed, OTHER),
    _fault("the pruned model as the dense one", _pruned_as_dense, OTHER),
    _fault("a dense model with one weight changed", _edited, OTHER),
    _fault(
        "another dense model in measure than in verify",
        _other_in_measure,
        r"is of another model than .*: expected dense/weights\.safetensors",
    ),
    *(
        _fault(
            f"a dense ONNX padded with {what}",
            partial(_padded, edit),
            "the dense ONNX model is padded: its outputs need less than half of its bytes",
        )
        for what, edit in (
            ("an unused tensor", _initializer),
            ("text", _text),
            ("metadata", _metadata),
        )
    ),
    *(
        _fault(
            f"a dense ONNX file padded with {what}, beside a pruned file",
            partial(_padded_file, edit),
            "the dense ONNX model is padded: its outputs need less than half of its bytes",
        )
        for what, edit in (
            ("an unused tensor", _initializer),
            ("text", _text),
            ("metadata", _metadata),
        )
    ),
)
