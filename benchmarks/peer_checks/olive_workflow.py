"""Run of ``olive run`` with the pass ``OnnxDiscrepancyCheck`` on the faulty model.

The pass needs a causal language model as its reference, at least two inputs, and certain names of
dynamic axes; it makes its own inputs. So both files get these names, and a model with one input
gets a second that no node reads. By default the pass never fails: it gets the usual tolerance of
Optimum and Polygraphy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import onnx
from olive.cli.launcher import main
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks.peer_checks.onnx_reference import (
    OnnxReferenceConfig,
    OnnxReferenceForCausalLM,
    open_reference,
)

TOLERANCE = 1e-5


def adapt_model(source: str, target: Path) -> str:
    """Write a copy of a model that the pass can make inputs for; return its path."""
    model = onnx.load(source)
    for one in model.graph.input:
        for axis, dim in enumerate(one.type.tensor_type.shape.dim):
            if dim.dim_param:
                dim.dim_param = "sequence_length" if axis else "batch_size"
    if len(model.graph.input) == 1:
        unread = onnx.helper.make_tensor_value_info("unread", onnx.TensorProto.FLOAT, [1])
        model.graph.input.append(unread)
    onnx.save(model, target)
    return str(target)


def make_workflow(model: str, folder: Path) -> dict[str, Any]:
    """Return a configuration that runs only the pass on ``model``."""
    cpu = {"device": "cpu", "execution_providers": ["CPUExecutionProvider"]}
    check = {
        "type": "OnnxDiscrepancyCheck",
        "reference_model_path": str(folder / "reference"),
        "max_mae": TOLERANCE,
    }
    return {
        "input_model": {"type": "ONNXModel", "model_path": model},
        "systems": {"local": {"type": "LocalSystem", "accelerators": [cpu]}},
        "host": "local",
        "target": "local",
        "passes": {"check": check},
        "cache_dir": str(folder / "cache"),
        "output_dir": str(folder / "out"),
    }


def run(right: str, wrong: str, folder: Path) -> None:
    """Run the command; an exception ends the process."""
    AutoConfig.register("onnx_reference", OnnxReferenceConfig)
    AutoModelForCausalLM.register(OnnxReferenceConfig, OnnxReferenceForCausalLM)
    open_reference(adapt_model(right, folder / "right.onnx")).save_pretrained(folder / "reference")
    file = folder / "workflow.json"
    file.write_text(json.dumps(make_workflow(adapt_model(wrong, folder / "wrong.onnx"), folder)))
    main(["run", "--config", str(file)])


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
