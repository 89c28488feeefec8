"""Properties of ONNX files, artifacts and programs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prunepack.stages.contract.progress import collect_remarks

__all__ = ["describe_graph"]


def describe_graph(source: Path) -> dict[str, Any]:
    """Return the properties of an ONNX model; onnxruntime runs it once.

    Raises:
        RefusedError: If it is not an ONNX model that onnxruntime can run.
    """
    from prunepack.stages.graphs.source import load_graph
    from prunepack.stages.graphs.weights import find_graph_weights

    with TemporaryDirectory() as folder, collect_remarks() as remarks:
        model = load_graph(source, Path(folder))
    shapes = {
        weight.places[0].layer: tuple(weight.tensor.dims)
        for weight in find_graph_weights(model)
        if len(weight.axes) >= 2
    }
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    notes = [
        f"Inputs of the file: {', '.join(inputs)}. Outputs: {', '.join(outputs)}.",
        *(f"{text[:1].upper()}{text[1:]}." for text in remarks),
    ]
    return {
        "load": {"model": str(source)},
        "notes": tuple(notes),
        "layers": tuple(shapes.items()),
        "is_masked": any("zeros taken as masks" in text for text in remarks),
        "is_graph": True,
    }
