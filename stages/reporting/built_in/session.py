"""Built-in checks of the session of the artifact against that of the ONNX file."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import EMPTY, GIVE_SAMPLES, PACK_AGAIN

__all__ = ["ROWS"]

ROWS = (
    (
        "parity.session.samples >= 1",
        "samples that the ONNX file and the artifact were both run on",
        EMPTY,
        GIVE_SAMPLES,
    ),
    (
        "parity.session.outputs >= 1",
        "outputs that the ONNX file and the artifact both have",
        EMPTY,
        PACK_AGAIN,
    ),
    (
        "parity.session.values >= 1",
        "output values that were compared between the ONNX file and the artifact",
        EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "parity.session.unmatched_outputs <= 0",
        "outputs that only the ONNX file or only the artifact has",
        "The artifact must have the interface of the exported model.",
        PACK_AGAIN,
    ),
    (
        "parity.session.differing_values <= 0",
        "output values that are not bit for bit the same from the ONNX file and the artifact",
        "Deployment runs the artifact, so its session must compute the same values.",
        PACK_AGAIN,
    ),
)
