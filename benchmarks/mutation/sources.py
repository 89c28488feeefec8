"""The right files that mutants start from: of our exporter, or as other tools leave them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from onnx import load_from_string, shape_inference

from tests.faults.commands import run_honest
from tests.faults.honest_edits import rename_everything
from tests.faults.honest_tools import slim
from tests.faults.lab import released

__all__ = ["EXPORTED", "FOREIGN", "read_source"]

EXPORTED = "exported"
FOREIGN = ("by torch's older exporter", "by onnxslim", "with numbers as names")
"""Forms of a file that no comparison with a fresh export can explain node by node."""


@cache
def read_source(network: str, form: str) -> bytes:
    """Return the exported file of a network in a form."""
    release = released(network)
    if form == EXPORTED:
        return release.model.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "onnx/model.onnx")
        if form == FOREIGN[0]:
            options = ["-o", str(path.parent), "--exporter", "torchscript"]
            run_honest(["export", str(release / "final"), *options])
        else:
            path.parent.mkdir()
            path.write_bytes(release.model.read_bytes())
            (slim if form == FOREIGN[1] else rename_everything)(path)
        content: bytes = _infer(path.read_bytes())
    return content


def _infer(model: bytes) -> bytes:
    inferred = shape_inference.infer_shapes(load_from_string(model))
    content: bytes = inferred.SerializeToString()
    return content
