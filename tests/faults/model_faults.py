"""Faults of the torch models that a release starts from."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file

from tests.faults.fault import Fault
from tests.faults.lab import copy_of, lab, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.fault import Command

    State = dict[str, torch.Tensor]

__all__ = ["FAULTS"]


def _of_class(name: str) -> Callable[[Path], Sequence[Command]]:
    """Return what lets the finalized weights be those of another class."""

    def plant(folder: Path) -> Sequence[Command]:
        release = copy_of("heads", folder)
        rewrite(release / "final/model.json", model=f"{lab() / 'networks.py'}:{name}")
        return release.checks()

    return plant


def _rewrite_state(path: Path, change: Callable[[State], None]) -> None:
    state = load_file(path)
    path.unlink()
    change(state)
    save_file(state, path)


def _infinity_under_a_mask(folder: Path) -> Sequence[Command]:
    def change(state: State) -> None:
        state["fc1.weight_orig"][state["fc1.weight_mask"] == 0] = torch.inf

    release = copy_of("lenet", folder)
    _rewrite_state(release / "masked/masked.safetensors", change)
    return [["finalize", str(release / "masked"), "-o", str(release / "again")]]


def _masks_left_on(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    return [["export", str(release / "masked"), "-o", str(release / "again")]]


def _masked_in_place_of_final(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    shutil.rmtree(release / "final")
    shutil.copytree(release / "masked", release / "final")
    return release.checks()


def _dense_in_place_of_pruned(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    shutil.copy(release / "dense_onnx/model.onnx", release.model)
    release.pack()
    return release.checks()


def _trained_on(folder: Path) -> Sequence[Command]:
    """Change the checkpoint after its export, in one weight that no answer here needs."""

    def change(state: State) -> None:
        state["fc2.weight"][83, 6] += 1e-3

    release = copy_of("lenet", folder)
    _rewrite_state(release / "final/weights.safetensors", change)
    return release.checks()


def _truncated(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    file = release / "final/weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    return release.checks()


def _tensor_missing(folder: Path) -> Sequence[Command]:
    def change(state: State) -> None:
        del state["fc3.bias"]

    release = copy_of("lenet", folder)
    _rewrite_state(release / "final/weights.safetensors", change)
    return release.checks()


FAULTS = (
    Fault(
        "Dropout that runs whatever eval() says",
        "model",
        _of_class("Forgetful"),
        1,
        r"torch\.inconsistent_values <= 0, measured \d+ values .*run (again|alone)",
    ),
    Fault(
        "BatchNorm that eval() does not reach",
        "model",
        _of_class("Untamed"),
        1,
        r"torch\.training_layers <= 0, measured 1 layers \(norm\)",
    ),
    Fault("masks left on", "model", _masks_left_on, 4, "masked` is of the wrong kind"),
    Fault(
        "masks left on in a compared checkpoint",
        "model",
        _masked_in_place_of_final,
        4,
        "wrong kind",
    ),
    Fault(
        "infinity under a mask",
        "model",
        _infinity_under_a_mask,
        4,
        r"`fc1\.weight_orig` is not finite",
    ),
    Fault(
        "the dense model exported, not the pruned one",
        "model",
        _dense_in_place_of_pruned,
        1,
        r"parity\.weights\.changed_values <= 0, measured [\d,]+ values \(conv1\.weight",
    ),
    Fault(
        "one weight of the checkpoint changed after its export",
        "model",
        _trained_on,
        1,
        r"parity\.weights\.changed_values <= 0, measured 1 values \(fc2\.weight\[83, 6\]",
    ),
    Fault(
        "a checkpoint cut short",
        "model",
        _truncated,
        4,
        r"final/weights\.safetensors` cannot be read",
    ),
    Fault("a tensor missing in a checkpoint", "model", _tensor_missing, 4, "missing `fc3.bias`"),
)
