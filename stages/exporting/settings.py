"""Settings of export: opset, outputs, axes and exporter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from prunepack.stages.contract.stage import Config

__all__ = ["ExportConfig"]


def _split_outputs(value: Any) -> Any:
    """Split a text such as ``logits,1.0`` or ``scores=1.0``; return any other value as it is."""
    if not isinstance(value, str):
        return value
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    if not any("=" in entry for entry in entries):
        return entries
    pairs = (entry.partition("=") for entry in entries)
    return {name.strip(): path.strip() or name.strip() for name, _, path in pairs}


class ExportConfig(Config):
    """The form of the ONNX model."""

    opset: int | None = Field(
        None, ge=18, description="ONNX opset. Default: chosen by the exporter."
    )
    outputs: Annotated[tuple[str, ...] | dict[str, str], BeforeValidator(_split_outputs)] = Field(
        (),
        description="Outputs to keep, by path in the model's return value: 'logits,1.0' keeps "
        "'logits' and element 0 of element 1. To rename outputs, write NAME=PATH: "
        "scores=1.0,boxes=0. Default: all outputs.",
    )
    output_names: tuple[str, ...] = Field(
        (),
        description="Names of the outputs. Default: the keys or fields of the return value, "
        "'output' for a single tensor, 'output_0', 'output_1', … for a tuple or a list.",
    )
    dynamic_batch: bool = Field(
        True, description="Export a dynamic batch axis, not a fixed batch of one sample."
    )
    exporter: Literal["dynamo", "torchscript"] = Field(
        "dynamo", description="PyTorch exporter to use."
    )
