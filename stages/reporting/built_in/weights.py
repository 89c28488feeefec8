"""Built-in checks of the weights: export against checkpoint, artifact against export."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import EMPTY, EXPORT_AGAIN, PACK_AGAIN

__all__ = ["ROWS"]

OTHER_WEIGHTS = "The artifact must return the exported files byte for byte."

ROWS = (
    (
        "parity.weights.files >= 1",
        "files of the exported model that were compared with the artifact",
        EMPTY,
        PACK_AGAIN,
    ),
    (
        "parity.weights.unmatched_files <= 0",
        "files that only the exported model or only the artifact has",
        OTHER_WEIGHTS,
        PACK_AGAIN,
    ),
    (
        "parity.weights.differing_bytes <= 0",
        "bytes that differ between the exported files and the artifact's",
        OTHER_WEIGHTS,
        PACK_AGAIN,
    ),
    (
        "parity.weights.changed_values <= 0",
        "weights of the ONNX file that differ from those of the checkpoint",
        "A wrong weight may leave the outputs of the samples at hand unchanged.",
        EXPORT_AGAIN,
    ),
    (
        "parity.weights.unaccounted <= 0",
        "weights of the checkpoint that the ONNX file does not hold in any form",
        "A weight that was replaced may leave the outputs of the samples at hand unchanged.",
        EXPORT_AGAIN,
    ),
)
