"""Faults in the exported graph: a changed graph, packed, verified and judged."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from prunepack.stages.contract.model_spec import read_spec
from prunepack.stages.data.samples import random_inputs
from tests.faults.fault import Fault
from tests.faults.lab import copy_of, released

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.fault import Command

    Edit = Callable[[Any], None]

__all__ = ["BEYOND", "CHANGED", "UNMATCHED", "edit_file", "graph_fault", "pair"]

BEYOND = r"parity\.torch_onnx\.beyond_tolerance <= 0, measured [\d,]+ values .*"
UNMATCHED = r"parity\.torch_onnx\.unmatched_outputs <= 0, measured \d outputs .*"
CHANGED = r"parity\.weights\.changed_values <= 0, measured [\d,]+ values "
"""Starts of the messages of the gate."""


def graph_fault(name: str, model: str, edit: Edit, says: str = BEYOND, code: int = 1) -> Fault:
    """Return the fault that ``edit`` makes of the exported file of an honest release."""
    plant, both = partial(_plant, model, edit), partial(pair, model, edit)
    return Fault(name, "export", plant, code, says, both)


def _plant(model: str, edit: Edit, folder: Path) -> Sequence[Command]:
    release = copy_of(model, folder)
    edit_file(release.model, edit)
    release.pack()
    return release.checks()


def edit_file(path: Path, edit: Edit) -> None:
    """Change an ONNX file."""
    proto = onnx.load(path)
    edit(proto)
    path.unlink()
    onnx.save(proto, path)


def pair(model: str, edit: Edit, folder: Path) -> tuple[Path, Path]:
    """Write the right file, the faulty one, and eight random samples in ``inputs.npz``."""
    right, wrong = folder / "reference.onnx", folder / "faulty.onnx"
    for file in (right, wrong):
        file.write_bytes(released(model).model.read_bytes())
    edit_file(wrong, edit)
    samples: dict[str, Any] = random_inputs(read_spec(released(model) / "final").inputs, 8, 0)
    np.savez(folder / "inputs.npz", **samples)
    return right, wrong
