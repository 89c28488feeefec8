"""Proof of a compaction: both files compute the same outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import PrunepackError, RefusedError
from prunepack.stages.contract.progress import remark
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.graphs.index_bounds import find_graph_index_sizes
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.running import run_any_batch
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_onnx_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["prove_equal"]

MOST = 1e-3
"""Largest error of an output, relative to its largest value. A sum of fewer terms is rounded
differently, by about 1e-7, and normalizations enlarge that; a wrong removal changes far more."""


def prove_equal(
    before: Path, after: Path, inputs: Sequence[InputSpec], samples: int, seed: int
) -> float:
    """Return the largest error of an output after compaction, relative to its largest value.

    Raises:
        RefusedError: If outputs changed by more than rounding.
    """
    sizes = find_graph_index_sizes(read_model(before))
    arrays = random_inputs(inputs, samples, seed, sizes)
    try:
        outputs = run_any_batch(open_onnx_session(before, [CPU]), arrays)
    except PrunepackError:  # verify, which needs the outputs, reports it
        remark("the compacted graph is not compared: the graph cannot run on random inputs")
        return 0.0
    others = run_any_batch(open_onnx_session(after, [CPU]), arrays)
    errors = {name: _measure_error(array, others[name]) for name, array in outputs.items()}
    worst = max(errors, key=lambda name: errors[name])
    if errors[worst] > MOST:
        raise RefusedError(
            f"compaction changed the output `{worst}`",
            expected=f"a relative error of at most {MOST:g}",
            found=f"{errors[worst]:.3g}",
            hint="Set compact.enabled = false, and report the model",
        )
    return errors[worst]


def _measure_error(first: Array, second: Array) -> float:
    """Return the relative error of an output; 0 for one that is not of floating-point numbers."""
    if first.shape != second.shape:
        return float("inf")
    if first.dtype.kind != "f" or not first.size:
        return 0.0
    finite = np.isfinite(first)
    if not np.array_equal(finite, np.isfinite(second)):
        return float("inf")
    pair = (array[finite].astype(np.float64) for array in (first, second))
    wanted, found = pair
    largest = np.abs(wanted).max(initial=0.0)
    return float(np.abs(found - wanted).max(initial=0.0) / max(largest, np.finfo(np.float32).tiny))
