"""Built-in checks of the comparison of torch with ONNX."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import BISECT, EMPTY, EXPORT_AGAIN, GIVE_SAMPLES

__all__ = ["ROWS"]

ROWS = (
    (
        "parity.torch_onnx.samples >= 1",
        "samples that torch and ONNX were both run on",
        EMPTY,
        GIVE_SAMPLES,
    ),
    (
        "parity.torch_onnx.outputs >= 1",
        "outputs that torch and ONNX both have",
        EMPTY,
        "Compare the names of the outputs in interface.json with those of the ONNX file",
    ),
    (
        "parity.torch_onnx.values >= 1",
        "output values that were compared between torch and ONNX",
        EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "parity.torch_onnx.unmatched_outputs <= 0",
        "outputs of torch or ONNX that differ in name, shape or dtype, or are missing",
        "Code that uses the ONNX file would not find the output that the model was built for.",
        EXPORT_AGAIN,
    ),
    (
        "parity.torch_onnx.nonfinite <= 0",
        "output values that are NaN or infinite in torch or in ONNX, but not in both",
        "A tolerance cannot be applied to NaN or infinity; both forms must have them alike.",
        "Look for overflow or a division by zero in the model, first on the sample that is named",
    ),
    (
        "parity.torch_onnx.beyond_tolerance <= 0",
        "output values that differ between torch and ONNX by more than the tolerance",
        "The exported model must compute the values that the torch model computes.",
        f"{BISECT}; allow more with verify.tolerances only if the error is numerical",
    ),
)
