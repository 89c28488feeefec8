"""Run ``onnxslim REFERENCE OUT --model-check`` where slimming makes the faulty model.

What onnxslim compares is the model that it was given and the one that it made. So its optimiser is
replaced by one that returns the faulty file; everything else is its own command.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxslim.core
from onnxslim.cli import main


def given(inputs: Path) -> list[str]:
    """Write each array of an ``.npz`` beside it; return them as the command takes them."""
    words = []
    with np.load(inputs) as arrays:
        for number, (name, array) in enumerate(arrays.items()):
            file = inputs.with_name(f"input_{number}.npy")
            np.save(file, array)
            words.append(f"{name}:{file}")
    return words


def run(reference: str, faulty: str, inputs: str, made: str) -> int:
    """Return the exit code of the command."""

    def optimize(*_: Any) -> Any:
        return onnx.load(faulty)

    onnxslim.core.optimize = optimize
    Path(made).parent.mkdir()
    checked = ["--model-check", "--model-check-inputs", *given(Path(inputs))]
    sys.argv = ["onnxslim", reference, made, *checked]
    return int(main())


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
