"""Catalog of metrics: the unit and the meaning of every metric that a report can contain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

__all__ = ["CATALOG", "MetricDescription", "find_description"]


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """The description of one metric, or of one per output, layer or batch size.

    Attributes:
        name: The name; a part in upper case, such as ``LAYER``, stands for any text.
        unit: The unit; empty for a plain number.
        meaning: The measured quantity, as a noun phrase.
    """

    name: str
    unit: str
    meaning: str


_ROWS = (
    ("accuracy.dense", "%", "Share of test samples that the dense model classifies correctly"),
    ("accuracy.pruned", "%", "The same for the finalized torch model"),
    ("accuracy.onnx", "%", "The same for the ONNX file"),
    ("accuracy.artifact", "%", "The same for the artifact"),
    ("accuracy.drop", "points", "Accuracy of the dense model minus that of the worst other form"),
    ("accuracy.lost", "samples", "Samples that only the dense model classifies correctly"),
    ("accuracy.gained", "samples", "Samples that only the worst other form classifies correctly"),
    ("accuracy.mcnemar", "", "p-value of McNemar's exact test on `lost` and `gained`"),
    (
        "accuracy.over_constant",
        "points",
        "Accuracy of the best form minus that of the best constant answer",
    ),
    ("accuracy.samples", "samples", "Test samples behind the accuracies"),
    ("agreement.torch_onnx", "%", "Share of test samples with the same class from torch and ONNX"),
    (
        "agreement.dense",
        "%",
        "Share of test samples with the class of the dense file",
    ),
    ("agreement.session", "%", "Share of test samples with the same class from ONNX and artifact"),
    ("compact.channels_before", "channels", "Output channels of all layers, before compaction"),
    ("compact.channels", "channels", "The same after it"),
    ("compact.parameters_before", "values", "Floating-point constants, before compaction"),
    ("compact.parameters", "values", "The same after it"),
    ("compact.macs_before", "MACs", "Multiply-accumulates of one sample, before compaction"),
    ("compact.macs", "MACs", "The same after it"),
    (
        "data.changed_samples",
        "%",
        "Share of samples that another call of the user's function does not give",
    ),
    (
        "data.test_in_train",
        "%",
        "Share of test samples that are also trained on, beyond the repeats among training samples",
    ),
    ("forms.FORM", "", "1 if a form of the model took part in verify, else 0; five forms"),
    ("graph.opset", "", "Version of the standard ONNX operators that the model imports"),
    ("graph.nodes", "nodes", "Nodes of the model, with subgraphs and function bodies"),
    ("graph.operator.OPERATOR", "nodes", "Nodes of one operator"),
    ("graph.domain.DOMAIN", "nodes", "Nodes of an operator domain outside ONNX"),
    ("graph.random_operator.OPERATOR", "nodes", "Nodes of one operator that draws random numbers"),
    (
        "graph.refused_random_operators",
        "operators",
        "Operators that draw random numbers and that `gate.random_operators` does not allow",
    ),
    ("graph.refused_operators", "operators", "Operators that `gate.operators` does not allow"),
    ("graph.refused_domains", "domains", "Operator domains that `gate.domains` does not allow"),
    ("latency.sparse.METRIC", "", "The same for the pruned model on sparse kernels"),
    ("latency.provider_mismatches", "sessions", "Sessions without the requested provider"),
    (
        "latency.RUN.dense",
        "ms",
        "Median time of the dense model; `RUN` is `batch_N` or `session`",
    ),
    ("latency.RUN.dense_p90", "ms", "90th percentile of the dense model's times"),
    ("latency.RUN.dense_p99", "ms", "99th percentile of the dense model's times"),
    ("latency.RUN.dense_throughput", "samples/s", "Samples per second of the dense model"),
    ("latency.RUN.pruned", "ms", "Median time of the pruned model in the artifact"),
    ("latency.RUN.pruned_p90", "ms", "90th percentile of the pruned model's times"),
    ("latency.RUN.pruned_p99", "ms", "99th percentile of the pruned model's times"),
    ("latency.RUN.pruned_throughput", "samples/s", "Samples per second of the pruned model"),
    ("latency.RUN.ratio", "×", "Time of the pruned model divided by that of the dense model"),
    ("latency.RUN.verdict", "", "1: slower; -1: faster; 0: undecided; by the interval of `ratio`"),
    (
        "latency.RUN.preempted",
        "per 100 runs",
        "Runs during which the system took the core away; these are repeated",
    ),
    ("memory.dense", "bytes", "Peak memory of a process that runs the dense model"),
    ("memory.pruned", "bytes", "Peak memory of a process that runs the artifact"),
    ("memory.ratio", "×", "Peak memory of the artifact divided by that of the dense model"),
    ("metric.dense", "", "Value of `verify.metric` for the dense model"),
    ("metric.pruned", "", "The same for the finalized torch model"),
    ("metric.onnx", "", "The same for the ONNX file"),
    ("metric.artifact", "", "The same for the artifact"),
    ("metric.drop", "", "Loss from the dense model to the worst other form; positive is worse"),
    ("metric.over_constant", "", "Advantage of the best form over the best constant answer"),
    ("metric.responds", "", "1 if other outputs give other scores, else 0; of a user's metric"),
    ("metric.samples", "samples", "Test samples behind the values"),
    (
        "parity.graph.compared",
        "nodes",
        "Nodes compared with a fresh export; 0 without one",
    ),
    ("parity.graph.unexplained_nodes", "nodes", "Nodes that a fresh export does not have"),
    ("parity.interface.differences", "", "Inputs and outputs other than recorded or computed"),
    ("parity.inputs.random_samples", "samples", "Random samples that all forms were run on"),
    ("parity.inputs.dynamic_axes", "axes", "Dynamic axes of the inputs, the batch left out"),
    ("parity.inputs.untested_axes", "axes", "Dynamic axes that could be run at one size only"),
    ("parity.inputs.untaken_branches", "branches", "Branches of If nodes that no input took"),
    ("parity.session.samples", "samples", "Samples that ONNX file and artifact were both run on"),
    ("parity.session.outputs", "outputs", "Outputs that ONNX file and artifact both have"),
    ("parity.session.values", "values", "Output values compared between ONNX file and artifact"),
    (
        "parity.session.unmatched_outputs",
        "outputs",
        "Outputs of ONNX file or artifact that differ in name, shape or dtype, or are missing",
    ),
    ("parity.session.differing_values", "values", "Output values whose bits differ"),
    ("parity.sparse.samples", "samples", "Samples run on sparse kernels and in stock onnxruntime"),
    ("parity.sparse.outputs", "outputs", "Outputs of both sessions"),
    ("parity.sparse.values", "values", "Output values compared between these sessions"),
    (
        "parity.sparse.unmatched_outputs",
        "outputs",
        "Outputs of one session that differ in name, shape or dtype, or are missing",
    ),
    ("parity.sparse.nonfinite", "values", "NaN and infinities in one of these sessions only"),
    ("parity.sparse.tolerance", "", "Smallest tolerance that these sessions would pass with"),
    ("parity.sparse.beyond_tolerance", "values", "Output values with a larger error than allowed"),
    ("parity.torch_onnx.samples", "samples", "Samples that torch and ONNX were both run on"),
    ("parity.torch_onnx.outputs", "outputs", "Outputs that torch and ONNX both have"),
    ("parity.torch_onnx.values", "values", "Output values compared between torch and ONNX"),
    (
        "parity.torch_onnx.unmatched_outputs",
        "outputs",
        "Outputs of torch or ONNX that differ in name, shape or dtype, or are missing",
    ),
    ("parity.torch_onnx.nonfinite", "values", "Output values that are NaN or infinite in one form"),
    ("parity.torch_onnx.tolerance", "", "Smallest tolerance that would have passed"),
    ("parity.torch_onnx.beyond_tolerance", "values", "Output values outside their tolerance"),
    ("parity.torch_onnx.outputs.OUTPUT.values", "values", "Compared values of one output"),
    (
        "parity.torch_onnx.outputs.OUTPUT.nonfinite",
        "values",
        "Values of it that are NaN or infinite in one form",
    ),
    ("parity.torch_onnx.outputs.OUTPUT.tolerance", "", "Smallest tolerance that passes for it"),
    ("parity.torch_onnx.outputs.OUTPUT.beyond_tolerance", "values", "Its values out of tolerance"),
    ("parity.torch_onnx.outputs.OUTPUT.max_absolute", "", "Largest absolute error"),
    ("parity.torch_onnx.outputs.OUTPUT.mean_absolute", "", "Mean absolute error"),
    ("parity.torch_onnx.outputs.OUTPUT.p99_absolute", "", "99th percentile of the absolute error"),
    ("parity.torch_onnx.outputs.OUTPUT.max_relative", "", "Largest relative error"),
    ("parity.torch_onnx.outputs.OUTPUT.mean_relative", "", "Mean relative error"),
    ("parity.torch_onnx.outputs.OUTPUT.p99_relative", "", "99th percentile of the relative error"),
    ("parity.torch_onnx.outputs.OUTPUT.sqnr_db", "dB", "SQNR: signal against error energy"),
    ("parity.torch_onnx.outputs.OUTPUT.cosine", "", "Lowest cosine similarity of a sample"),
    ("parity.torch_onnx.outputs.OUTPUT.mean_cosine", "", "Mean cosine similarity of the samples"),
    ("parity.torch_onnx.outputs.OUTPUT.argmax", "%", "Samples with the same highest value"),
    ("parity.torch_onnx.outputs.OUTPUT.top5", "%", "Samples with the same five highest values"),
    ("parity.files.METRIC", "", "The same as of `torch_onnx`, for two files of one model"),
    ("parity.files.constant_outputs", "outputs", "The same as of `torch`, for the second file"),
    ("parity.weights.files", "files", "Files compared between export and artifact"),
    ("parity.weights.unmatched_files", "files", "Files that only one of them has"),
    ("parity.weights.differing_bytes", "bytes", "Bytes that differ between export and artifact"),
    ("parity.weights.compared", "tensors", "Weights found in both checkpoint and ONNX file"),
    ("parity.weights.changed_values", "values", "Weights that the export changed"),
    ("parity.weights.unaccounted", "tensors", "Weights of the checkpoint that the file lacks"),
    ("runtime.inconsistent_values", "values", "Values that change if a session runs twice"),
    ("runtime.provider_mismatches", "sessions", "Sessions of verify without the wanted provider"),
    ("runtime.nodes", "nodes", "Nodes that onnxruntime executed"),
    ("runtime.nodes_elsewhere", "nodes", "Nodes that ran on another provider than the wanted one"),
    ("runtime.sparse_layers", "layers", "Layers of the pruned model that gain by sparse kernels"),
    ("runtime.tf32", "", "1 if CUDA may round float32 products to TF32, else 0"),
    ("similarity.samples", "samples", "Samples that dense and pruned file were both run on"),
    ("similarity.outputs", "outputs", "Outputs that dense and pruned file both have"),
    ("similarity.values", "values", "Output values compared between dense and pruned file"),
    (
        "similarity.unmatched_outputs",
        "outputs",
        "Outputs of the two files that differ in name, shape or dtype, or are missing",
    ),
    ("similarity.nonfinite", "values", "NaN and infinite values that the files do not share"),
    ("similarity.cosine", "", "Lowest cosine similarity of a sample, of the worst output"),
    ("similarity.mean_cosine", "", "Mean cosine similarity of the worst output"),
    ("similarity.sqnr_db", "dB", "SQNR of the worst output"),
    ("similarity.argmax", "%", "Samples with the same highest value, of the worst output"),
    ("similarity.top5", "%", "Samples with the same five highest values, of the worst output"),
    ("similarity.equal", "%", "Equal elements of the worst output of integers, booleans or text"),
    ("similarity.constant_outputs", "outputs", "The same as of `torch`, for the pruned file"),
    ("similarity.outputs.OUTPUT.METRIC", "", "The same, and errors as of `torch_onnx`, of one"),
    ("size.state_dict", "bytes", "Weights of the dense model as safetensors"),
    ("size.masked_state_dict", "bytes", "Weights and masks of the pruned model as safetensors"),
    ("size.dense_onnx", "bytes", "ONNX file of the dense model"),
    ("size.dense_onnx_zstd19", "bytes", "The same after `zstd -19`"),
    ("size.onnx", "bytes", "ONNX file of the pruned model"),
    ("size.onnx_zstd19", "bytes", "The same after `zstd -19`"),
    ("size.artifact", "bytes", "The artifact"),
    ("size.ratio", "×", "Dense ONNX file divided by artifact, or by pruned ONNX without one"),
    ("size.ratio_zstd19", "×", "The same, with every ONNX file after `zstd -19`"),
    ("sparsity.amount", "%", "Share of zeros in the weights that pruning rules reached"),
    ("sparsity.weights", "%", "Share of zeros in all prunable weights"),
    ("sparsity.layer.LAYER", "%", "Share of zeros in the weights of one layer"),
    ("torch.constant_outputs", "outputs", "Outputs that are the same for every input, if all are"),
    ("torch.training_layers", "layers", "Layers that stay in training mode after `eval()`"),
    ("torch.inconsistent_values", "values", "Values that change if torch runs twice on one input"),
    ("weights.denormal", "values", "Denormal elements of the constants in the ONNX file"),
)

_OUTPUTS = "parity.torch_onnx.outputs."

_SPARSE_ROWS = tuple(
    (name.replace(".torch_onnx.", ".sparse."), unit, f"{meaning}, on sparse kernels")
    for name, unit, meaning in _ROWS
    if name.startswith(_OUTPUTS)
)
"""The same metrics of each output, for the comparison with sparse kernels."""

CATALOG = tuple(MetricDescription(*row) for row in (*_ROWS, *_SPARSE_ROWS))
"""One row per metric, by name in the order of the reference page."""


def find_description(name: str) -> MetricDescription | None:
    """Return the description of the metric ``name``, the most specific one if several match."""
    return next((row for row in _by_precision() if _pattern(row.name).fullmatch(name)), None)


@cache
def _by_precision() -> tuple[MetricDescription, ...]:
    """Return the catalog with plain names first."""
    return tuple(sorted(CATALOG, key=lambda row: any(p.isupper() for p in row.name.split("."))))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of a name, in which any text stands for a part in upper case."""
    parts = (".+" if part.isupper() else re.escape(part) for part in name.split("."))
    return re.compile(r"\.".join(parts))
