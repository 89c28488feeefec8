"""Built-in checks of two ONNX files, in the place of those of forms that they do not have."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import BISECT, DEAD, EMPTY, GIVE_SAMPLES

__all__ = ["ROWS"]

NAME_ALIKE = "Export both files with the same names of outputs"

ROWS = (
    (
        "constant_outputs <= 0",
        "outputs of the pruned file that are the same for every input, if all outputs are",
        "A model that gives one answer to everything is dead, whatever its accuracy is.",
        DEAD,
    ),
    ("samples >= 1", "samples that both files were run on", EMPTY, GIVE_SAMPLES),
    ("outputs >= 1", "outputs that both files have", EMPTY, NAME_ALIKE),
    (
        "values >= 1",
        "output values that were compared between two files",
        EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "unmatched_outputs <= 0",
        "outputs of two files that differ in name, shape or dtype, or are missing",
        "Code that uses one file must find the same outputs in the other.",
        NAME_ALIKE,
    ),
    (
        "nonfinite <= 0",
        "output values that are NaN or infinite in one of two files, but not in both",
        "A tolerance cannot be applied to NaN or infinity, and a pruned model must not add them.",
        "Look for overflow in the pruned model, first on the sample that is named",
    ),
    (
        "beyond_tolerance <= 0",
        "output values that differ between two files of one model by more than the tolerance",
        "Files of the same model must compute the same values.",
        f"{BISECT}; leave verify.same out if one of the files is pruned",
    ),
)
