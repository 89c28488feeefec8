"""Table of the built-in checks, with the reason and the remedy of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.measurability import is_measurable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prunepack.stages.metrics.metric import Metric

__all__ = [
    "BUILT_IN_CHECKS",
    "BUILT_IN_LIMITS",
    "FILE_CHECKS",
    "BuiltInCheck",
    "find_hint",
    "merge_limits",
]


@dataclass(frozen=True, slots=True)
class BuiltInCheck:
    """A check that needs no entry in a recipe.

    Attributes:
        limit: The limit, on one metric; a limit of the user's on that metric replaces it.
        compares: The quantity that is compared, as a noun phrase.
        why: The reason why a release must pass it, as a sentence.
        hint: The remedy if it fails, as an imperative.
    """

    limit: Limit
    compares: str
    why: str
    hint: str

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self.limit.name


_EMPTY = "A comparison of nothing would pass whatever the model computes."
_OTHER_WEIGHTS = "The artifact must return the exported files byte for byte."
_PACK_AGAIN = "Pack the exported model again, and verify that artifact"
_GIVE_SAMPLES = "Give verify at least one sample: raise verify.random_samples or set verify.inputs"
_BISECT = "Run prunepack bisect on the two forms to find the first node that differs"
_EXPORT_AGAIN = "Export the finalized model again, and verify that export"

_NAME_ALIKE = "Export both files with the same names of outputs"

_ROWS = (
    (
        "parity.torch_onnx.samples >= 1",
        "samples that torch and ONNX were both run on",
        _EMPTY,
        _GIVE_SAMPLES,
    ),
    (
        "parity.torch_onnx.outputs >= 1",
        "outputs that torch and ONNX both have",
        _EMPTY,
        "Compare the names of the outputs in interface.json with those of the ONNX file",
    ),
    (
        "parity.torch_onnx.values >= 1",
        "output values that were compared between torch and ONNX",
        _EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "parity.torch_onnx.unmatched_outputs <= 0",
        "outputs of torch or ONNX that differ in name, shape or dtype, or are missing",
        "Code that uses the ONNX file would not find the output that the model was built for.",
        _EXPORT_AGAIN,
    ),
    (
        "parity.torch_onnx.nonfinite <= 0",
        "output values of torch or ONNX that are NaN or infinite",
        "A tolerance cannot be applied to NaN or infinity.",
        "Look for overflow or a division by zero in the model, first on the sample that is named",
    ),
    (
        "parity.torch_onnx.beyond_tolerance <= 0",
        "output values that differ between torch and ONNX by more than the tolerance",
        "The exported model must compute the values that the torch model computes.",
        f"{_BISECT}; allow more with verify.tolerances only if the error is numerical",
    ),
    (
        "parity.weights.files >= 1",
        "files of the exported model that were compared with the artifact",
        _EMPTY,
        _PACK_AGAIN,
    ),
    (
        "parity.weights.unmatched_files <= 0",
        "files that only the exported model or only the artifact has",
        _OTHER_WEIGHTS,
        _PACK_AGAIN,
    ),
    (
        "parity.weights.differing_bytes <= 0",
        "bytes that differ between the exported files and the artifact's",
        _OTHER_WEIGHTS,
        _PACK_AGAIN,
    ),
    (
        "parity.weights.changed_values <= 0",
        "weights of the ONNX file that differ from those of the checkpoint",
        "A wrong weight may leave the outputs of the samples at hand unchanged.",
        _EXPORT_AGAIN,
    ),
    (
        "parity.session.samples >= 1",
        "samples that the ONNX file and the artifact were both run on",
        _EMPTY,
        _GIVE_SAMPLES,
    ),
    (
        "parity.session.outputs >= 1",
        "outputs that the ONNX file and the artifact both have",
        _EMPTY,
        _PACK_AGAIN,
    ),
    (
        "parity.session.values >= 1",
        "output values that were compared between the ONNX file and the artifact",
        _EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "parity.session.unmatched_outputs <= 0",
        "outputs that only the ONNX file or only the artifact has",
        "The artifact must have the interface of the exported model.",
        _PACK_AGAIN,
    ),
    (
        "parity.session.differing_values <= 0",
        "output values that are not bit for bit the same from the ONNX file and the artifact",
        "Deployment runs the artifact, so its session must compute the same values.",
        _PACK_AGAIN,
    ),
    (
        "parity.inputs.untested_axes <= 0",
        "dynamic axes on which only one size could be run",
        "A model that is said to take any size must have been run with more than one.",
        "Export these axes with a fixed size, or correct the code that fixes their size",
    ),
    (
        "torch.training_layers <= 0",
        "layers that stay in training mode after eval()",
        "Dropout and BatchNorm compute other values in training mode.",
        "Let eval() reach these layers: register them as submodules, and do not override train()",
    ),
    (
        "torch.inconsistent_values <= 0",
        "output values that change when the torch model is run again on the same input",
        "A model that is not deterministic cannot be compared.",
        "Remove randomness from the forward pass, such as dropout without its training flag",
    ),
    (
        "runtime.provider_mismatches <= 0",
        "sessions of verify that did not get the requested execution provider",
        "onnxruntime falls back to the CPU without an error.",
        "Install the driver of the requested provider, or choose provider cpu",
    ),
    (
        "runtime.nodes_elsewhere <= 0",
        "nodes that ran on another execution provider than the requested one",
        "A model that runs partly elsewhere was not tested as it is deployed.",
        "Choose provider cpu, or replace the operators that the provider does not have",
    ),
    (
        "latency.provider_mismatches <= 0",
        "sessions of measure that did not get the requested execution provider",
        "A time on another provider says nothing about the requested one.",
        "Install the driver of the requested provider, or choose provider cpu",
    ),
    (
        "graph.refused_domains <= 0",
        "operator domains outside ONNX that gate.domains does not allow",
        "A runtime without the custom operators cannot load the model.",
        "Add the domain to gate.domains if the runtime has it, or export without its operators",
    ),
)

_FILE_ROWS = (
    ("samples >= 1", "samples that both files were run on", _EMPTY, _GIVE_SAMPLES),
    ("outputs >= 1", "outputs that both files have", _EMPTY, _NAME_ALIKE),
    (
        "values >= 1",
        "output values that were compared between two files",
        _EMPTY,
        "Check that the model's outputs are not empty tensors",
    ),
    (
        "unmatched_outputs <= 0",
        "outputs of two files that differ in name, shape or dtype, or are missing",
        "Code that uses one file must find the same outputs in the other.",
        _NAME_ALIKE,
    ),
    (
        "nonfinite <= 0",
        "output values of two files that are NaN or infinite",
        "A tolerance cannot be applied to NaN or infinity, and a pruned model must not add them.",
        "Look for overflow in the pruned model, first on the sample that is named",
    ),
    (
        "beyond_tolerance <= 0",
        "output values that differ between two files of one model by more than the tolerance",
        "Files of the same model must compute the same values.",
        f"{_BISECT}; leave verify.same out if one of the files is pruned",
    ),
)

BUILT_IN_CHECKS = tuple(BuiltInCheck(Limit.parse(limit), *row) for limit, *row in _ROWS)
"""One row per check, in the order of the report."""

FILE_CHECKS = tuple(
    BuiltInCheck(Limit.parse(f"{group}.{limit}"), *row)
    for group in ("similarity", "parity.files")
    for limit, *row in _FILE_ROWS
    if group == "parity.files" or "tolerance" not in limit
)
"""The checks of two ONNX files, in the place of those of forms that they do not have."""

BUILT_IN_LIMITS = tuple(check.limit for check in BUILT_IN_CHECKS)

_HINTS = {check.name: check.hint for check in (*BUILT_IN_CHECKS, *FILE_CHECKS)}


def find_hint(name: str) -> str | None:
    """Return the remedy for a failed check on the metric ``name``, if it is a built-in one."""
    return _HINTS.get(name)


def merge_limits(own: Iterable[Limit], metrics: Mapping[str, Metric] | None = None) -> list[Limit]:
    """Return the built-in limits and ``own``; the last one per metric and sense counts.

    Built-in limits on a comparison of forms are left out where ``metrics`` say that the model
    does not have these forms.
    """
    limits = (*BUILT_IN_LIMITS, *(check.limit for check in FILE_CHECKS))
    limits = (*(limit for limit in limits if is_measurable(limit.name, metrics or {})), *own)
    return list({(limit.name, limit.sense): limit for limit in limits}.values())
