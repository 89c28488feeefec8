"""Built-in checks of the session on sparse kernels against that of stock onnxruntime."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import EMPTY, GIVE_SAMPLES

__all__ = ["ROWS"]

STAY_DENSE = 'Open sessions with `sparse="off"`, and report the model'

ROWS = (
    (
        "parity.sparse.samples >= 1",
        "samples that were run on sparse kernels and in stock onnxruntime",
        EMPTY,
        GIVE_SAMPLES,
    ),
    (
        "parity.sparse.values >= 1",
        "output values that were compared between sparse kernels and stock onnxruntime",
        EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "parity.sparse.unmatched_outputs <= 0",
        "outputs that only one of the two sessions has",
        "A session on sparse kernels must have the interface of the exported model.",
        STAY_DENSE,
    ),
    (
        "parity.sparse.nonfinite <= 0",
        "output values that are NaN or infinite in one of the two sessions only",
        "A zero weight times an infinite activation counts as zero on sparse kernels.",
        'Open sessions with `sparse="off"` for a model whose activations are infinite or NaN',
    ),
    (
        "parity.sparse.beyond_tolerance <= 0",
        "output values that differ between the two sessions by more than the tolerance",
        "Sparse kernels add in another order; more than rounding must not differ.",
        STAY_DENSE,
    ),
)
