"""Runs of ONNX models that may fix the size of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.runtime.sessions import find_fixed_batch, run_session

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.runtime.sessions import Session

__all__ = ["run_any_batch"]


def run_any_batch(session: Session, inputs: Arrays) -> Arrays:
    """Return every output by name, for any number of samples.

    Where the model fixes the batch, the last one is filled up with copies of the last sample,
    whose outputs are cut off.

    Raises:
        RefusedError: If the model cannot run on these inputs.
    """
    size = find_fixed_batch(session)
    count = max((len(array) for array in inputs.values() if array.ndim), default=0)
    missing = -count % size if size else 0
    if not missing:
        return run_session(session, inputs)
    filled = {name: np.concatenate([a, *[a[-1:]] * missing]) for name, a in inputs.items()}
    outputs = run_session(session, filled)
    return {
        name: array[:count] if array.shape[:1] == (count + missing,) else array
        for name, array in outputs.items()
    }
