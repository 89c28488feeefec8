"""Compact stage: removes the dead parts of the exported graph, so that it is smaller and faster."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.stages.compacting.files import compact_file
from prunepack.stages.compacting.proof import prove_equal
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import OnnxModel, write_interface
from prunepack.stages.contract.stage import Config, Facts, stage

if TYPE_CHECKING:
    from prunepack.stages.compacting.files import Compaction

__all__ = ["CompactConfig", "compact"]


class CompactConfig(Config):
    """The removal of channels, neurons, attention heads and branches that are dead."""

    enabled: bool = Field(
        True, description="Remove the dead parts; false keeps the graph as it was exported."
    )
    samples: int = Field(
        8, ge=1, description="Number of random inputs that both graphs are compared on."
    )
    seed: int = Field(0, ge=0, description="Seed of the random inputs.")


@stage(produces=OnnxModel, tools=("onnx", "onnx-ir", "onnxruntime", "numpy", "scipy"))
def compact(config: CompactConfig, out: Path, model: OnnxModel) -> Facts:
    """Remove the parts of a graph that no output depends on; the outputs stay the same."""
    inputs = [InputSpec.model_validate(entry) for entry in model.interface["inputs"]]
    sizes = {str(a): s for i in inputs for a, s in zip(i.shape, i.sample_shape, strict=True)}
    target = out / "model.onnx"
    done = compact_file(model.model, target, sizes) if config.enabled else None
    if done is None:
        shutil.copytree(model.path, out, dirs_exist_ok=True)
        reason = "nothing is dead" if config.enabled else "disabled"
        return {"summary": f"{reason}: the graph stays as it was exported", "compacted": False}
    error = prove_equal(model.model, target, inputs, config.samples, config.seed)
    record = done.record | {"bytes": model.size}
    write_interface(out, model.interface | {"file": "model.onnx", "compact": record})
    return _describe(done, error)


def _describe(done: Compaction, error: float) -> Facts:
    pairs = {
        name: (getattr(done.before, name), getattr(done.after, name))
        for name in ("channels", "parameters", "macs")
    }
    words = {"channels": "channels", "parameters": "parameters", "macs": "MACs"}
    text = ", ".join(f"{before:,} → {after:,} {words[n]}" for n, (before, after) in pairs.items())
    numbers = {name: after for name, (_, after) in pairs.items()}
    return {"summary": text, "compacted": True, "error": error, **numbers}
