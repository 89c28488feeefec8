"""Built-in checks of the exported graph: its nodes, its interface, its operators."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import EXPORT_AGAIN

__all__ = ["ROWS"]

ROWS = (
    (
        "parity.graph.unexplained_nodes <= 0",
        "nodes of the ONNX file that a fresh export of the checkpoint does not have",
        "A changed node may compute other values only for inputs that no sample has.",
        EXPORT_AGAIN,
    ),
    (
        "parity.interface.differences <= 0",
        "inputs and outputs of the ONNX file that differ from the record of the export",
        "Code that uses the file relies on its names, order, dtypes and dynamic axes.",
        EXPORT_AGAIN,
    ),
    (
        "graph.refused_domains <= 0",
        "operator domains outside ONNX that gate.domains does not allow",
        "A runtime without the custom operators cannot load the model.",
        "Add the domain to gate.domains if the runtime has it, or export without its operators",
    ),
    (
        "graph.refused_random_operators <= 0",
        "operators that draw random numbers and that gate.random_operators does not allow",
        "A model that draws random numbers gives another answer in each run.",
        "Remove randomness from forward(), or name the operator in gate.random_operators",
    ),
)
