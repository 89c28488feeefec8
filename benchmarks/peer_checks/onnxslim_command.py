"""Run of ``onnxslim REFERENCE OUT --model-check`` with the faulty model as the slimmed one.

onnxslim compares its input model with its output model. So its optimiser is replaced by one that
returns the faulty file; everything else is its own command.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxslim.core
from onnxslim.cli import main


def save_inputs(inputs: Path) -> list[str]:
    """Save each array of an ``.npz`` beside it; return the arguments of the command."""
    words = []
    with np.load(inputs) as arrays:
        for number, (name, array) in enumerate(arrays.items()):
            file = inputs.with_name(f"input_{number}.npy")
            np.save(file, array)
            words.append(f"{name}:{file}")
    return words


def run(reference: str, faulty: str, inputs: str, made: str) -> int:
    """Run the command; return its exit code."""

    def optimize(*_: Any) -> Any:
        return onnx.load(faulty)

    onnxslim.core.optimize = optimize
    Path(made).parent.mkdir()
    checked = ["--model-check", "--model-check-inputs", *save_inputs(Path(inputs))]
    sys.argv = ["onnxslim", reference, made, *checked]
    return int(main())


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
