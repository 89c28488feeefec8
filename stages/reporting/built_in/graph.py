"""Built-in checks of the exported graph."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = (
    (
        "graph.refused_domains <= 0",
        "operator domains outside ONNX that gate.domains does not allow",
        "A runtime without the custom operators cannot load the model.",
        "Add the domain to gate.domains if the runtime has it, or export without its operators",
    ),
)
