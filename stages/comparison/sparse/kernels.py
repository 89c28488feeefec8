"""Sparse kernels beside the kernels of onnxruntime: the same file, the same inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from prunepack.errors import RefusedError
from prunepack.sparse.layers import list_sparse_layers
from prunepack.sparse.library import explain_absence
from prunepack.stages.comparison.pairs import LARGEST_SCALE, ParityComparison
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_sparse_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.runtime.ort_types import OrtModule
    from prunepack.runtime.ort_types import Session as OrtSession
    from prunepack.sparse.layers import SparseLayer
    from prunepack.stages.comparison.forms import FormOutputs, ModelForms
    from prunepack.stages.comparison.tolerances import Tolerance
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.runtime.sessions import Session

__all__ = ["SparseComparison"]

LEAST_SPARSITY = 0.5
"""Sparsity of a layer from which on it may gain by sparse kernels, on any machine."""


class SparseComparison:
    """Comparison of a session on sparse kernels with one on the kernels of onnxruntime.

    Every layer that can runs on sparse kernels, so that the result does not depend on which layers
    gain on this machine. Batches with huge inputs, NaN or infinities are left out: a zero weight
    times an infinite activation is NaN in onnxruntime, and zero on sparse kernels.

    Args:
        forms: The open forms.
        file: The file of the last form, to open on sparse kernels; None to compare nothing.
        rules: Tolerances by output.

    Raises:
        RefusedError: If onnxruntime cannot open the file with sparse kernels.
    """

    def __init__(self, forms: ModelForms, file: Path | None, rules: Sequence[Tolerance]) -> None:
        self._forms = forms
        self._session, self._note = _open_session(file, forms.providers)
        self._comparison = ParityComparison("sparse", rules)

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Run one batch, and compare with the outputs of onnxruntime's own kernels."""
        if self._session is None or not _is_ordinary(batch):
            return
        try:
            actual = self._forms.run_in(self._session, batch.arrays)
        except RefusedError as error:
            self._comparison.fail(batch.name, str(error))
        else:
            self._comparison.add(batch, outputs[self._forms.last], actual)

    def metrics(self) -> Metrics:
        """Return whether there is such a session, and the metrics of its comparison."""
        form: Metrics = {"forms.sparse": Metric(int(self._session is not None), note=self._note)}
        return form if self._session is None else form | self._comparison.metrics()


def _open_session(file: Path | None, providers: Sequence[str]) -> tuple[Session | None, str]:
    """Return a session with all layers on sparse kernels, or None, and the reason for a note."""
    if file is None:
        return None, "verify.sparse is off"
    import onnxruntime

    if tuple(providers) != (CPU,):
        return None, "sparse kernels run on the CPU"
    if reason := explain_absence(cast("OrtModule", onnxruntime)):
        return None, reason
    session = open_sparse_session(file, layers="all")
    layers = list_sparse_layers(cast("OrtSession", session))
    if not any(_may_gain(layer) for layer in layers):
        return None, f"no layer with a sparse kernel has {LEAST_SPARSITY:.0%} of zeros"
    return session, f"{sum(layer.is_sparse for layer in layers)} layers on sparse kernels"


def _may_gain(layer: SparseLayer) -> bool:
    return layer.is_sparse and layer.sparsity >= LEAST_SPARSITY


def _is_ordinary(batch: InputBatch) -> bool:
    """Return whether inputs are finite and of a usual size."""
    floats = [array for array in batch.arrays.values() if array.dtype.kind == "f"]
    return batch.scale <= LARGEST_SCALE and all(np.isfinite(array).all() for array in floats)
