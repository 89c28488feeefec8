"""Faults of weights that lie in a file beside the graph."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnx

from prunepack.stages.contract.model_spec import read_spec
from prunepack.stages.data.samples import random_inputs
from tests.faults.fault import Fault
from tests.faults.lab import copy_of, released

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from tests.faults.fault import Command

    Spoil = Callable[[Path], None]

__all__ = ["FAULTS"]

MODEL = "heads"


def _externalize(source: Path, model: Path) -> None:
    """Write ``source`` with its weights in ``model.onnx.data``."""
    proto = onnx.load(source)
    for file in (model, _data(model)):  # onnx would write behind what is there
        file.unlink(missing_ok=True)
    onnx.save_model(
        proto,
        model,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=100,
    )


def _data(model: Path) -> Path:
    return model.with_name("model.onnx.data")


def _plant(spoil: Spoil, folder: Path, *, after: bool = False) -> Sequence[Command]:
    """Spoil the file before it is packed, or after."""
    release = copy_of(MODEL, folder)
    _externalize(release.model, release.model)
    if after:
        release.pack()
        spoil(release.model)
        return release.checks()
    spoil(release.model)
    again = ["pack", str(release / "onnx"), "-o", str(release.packed), "--force"]
    return [again, *release.checks()]


def _pair(spoil: Spoil, folder: Path) -> tuple[Path, Path]:
    """Write both, each into a folder of its own, and eight random samples."""
    both = folder / "reference/model.onnx", folder / "faulty/model.onnx"
    for model in both:
        model.parent.mkdir()
        _externalize(released(MODEL).model, model)
    spoil(both[1])
    samples: dict[str, Any] = random_inputs(read_spec(released(MODEL) / "final").inputs, 8, 0)
    np.savez(folder / "inputs.npz", **samples)
    return both


def _stale(model: Path) -> None:
    """Put the data of the dense model there: the same size, and older."""
    graph = model.read_bytes()
    _externalize(released(MODEL) / "dense_onnx/model.onnx", model)
    model.write_bytes(graph)


def _cut_short(model: Path) -> None:
    _data(model).write_bytes(_data(model).read_bytes()[:-64])


def _gone(model: Path) -> None:
    _data(model).unlink()


def _exchanged(model: Path) -> None:
    """Let two tensors of one shape point at each other's bytes."""
    proto = onnx.load(model, load_external_data=False)
    held = {one.name: one for one in proto.graph.initializer}
    left, right = held["left.weight"], held["right.weight"]
    places = [list(one.external_data) for one in (left, right)]
    for one, other in zip((left, right), reversed(places), strict=True):
        kept = [(entry.key, entry.value) for entry in other]
        del one.external_data[:]
        for key, value in kept:
            one.external_data.add(key=key, value=value)
    model.write_bytes(proto.SerializeToString())


def _fault(name: str, spoil: Spoil, code: int, says: str) -> Fault:
    return Fault(
        name, "export", partial(_plant, spoil), code, says, onnx_pair=partial(_pair, spoil)
    )


FAULTS = (
    _fault(
        "external data of an earlier export",
        _stale,
        1,
        r"parity\.weights\.changed_values <= 0, measured \d+ values \(\w+\.weight",
    ),
    _fault("external data exchanged between two tensors", _exchanged, 1, "left.weight"),
    _fault("external data cut short", _cut_short, 4, r"model\.onnx\.data"),
    _fault("external data missing", _gone, 2, r"model\.onnx\.data"),
    Fault(
        "external data replaced after packing",
        "export",
        partial(_plant, _stale, after=True),
        1,
        r"parity\.weights\.differing_bytes <= 0, measured [\d,]+ bytes \(model\.onnx\.data",
    ),
)
