"""Run ``olive run`` with the pass ``OnnxDiscrepancyCheck`` on the faulty model.

The pass takes a causal language model for its reference, two inputs or more, and few names of open
dimensions; it makes up the inputs. So both files get such names, and where there is one input a
second that nothing reads. By default nothing fails it: it is given Optimum's and Polygraphy's
usual tolerance.
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
    reference,
)

TOLERANCE = 1e-5


def adapted(source: str, target: Path) -> str:
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


def workflow(model: str, folder: Path) -> dict[str, Any]:
    """Return a configuration that runs the pass, and nothing else, on ``model``."""
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
    """Run the command; what it raises ends the process."""
    AutoConfig.register("onnx_reference", OnnxReferenceConfig)
    AutoModelForCausalLM.register(OnnxReferenceConfig, OnnxReferenceForCausalLM)
    reference(adapted(right, folder / "right.onnx")).save_pretrained(folder / "reference")
    file = folder / "workflow.json"
    file.write_text(json.dumps(workflow(adapted(wrong, folder / "wrong.onnx"), folder)))
    main(["run", "--config", str(file)])


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
