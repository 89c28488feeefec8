"""Optimum's validation of the faulty file against the reference: by a call, then by its export.

``optimum-cli export onnx`` loads a model, calls ``onnx_export_from_model``, and exits with 0 unless
that raises. The step that writes the file is replaced by one that writes the faulty file.
"""

from __future__ import annotations

import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from optimum.exporters.onnx import OnnxConfig, convert
from optimum.utils import NormalizedConfig

from benchmarks.peer_checks.onnx_reference import open_reference


class GraphConfig(OnnxConfig):
    """Optimum's description of a model, from the reference file."""

    NORMALIZED_CONFIG_CLASS = NormalizedConfig
    graph: Any
    samples: dict[str, Any]

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """Names of dynamic axes by input and axis."""
        return _list_dynamic_axes(self.graph.input)

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """Names of dynamic axes by output and axis."""
        return _list_dynamic_axes(self.graph.output)

    def generate_dummy_inputs(self, *_: Any, **__: Any) -> dict[str, torch.Tensor]:
        """Return the inputs of the comparison."""
        return {name: torch.from_numpy(array) for name, array in self.samples.items()}


def _list_dynamic_axes(tensors: Any) -> dict[str, dict[int, str]]:
    dims = {one.name: enumerate(one.type.tensor_type.shape.dim) for one in tensors}
    return {
        name: {axis: dim.dim_param for axis, dim in each if dim.dim_param}
        for name, each in dims.items()
    }


def _list_names(tensors: Any) -> list[str]:
    return [one.name for one in tensors]


def export(model: Any, config: GraphConfig, faulty: Path, out: Path) -> None:
    """Export as the command does, with the same exceptions."""
    graph = onnx.load(faulty, load_external_data=False).graph

    def export_models(*_: Any, output_dir: Path, output_names: list[str], **__: Any) -> Any:
        made = output_dir / output_names[0]
        shutil.copy(faulty, made)
        if (data := faulty.with_name(f"{faulty.name}.data")).exists():
            shutil.copy(data, made.with_name(data.name))
        return [_list_names(graph.input)], [_list_names(graph.output)]

    convert.export_models = export_models
    convert.onnx_export_from_model(
        model,
        out,
        task="feature-extraction",
        custom_onnx_configs={"model": config},
        fn_get_submodels=lambda whole: {"model": whole},
    )


def call(model: Any, config: GraphConfig, faulty: Path, returned: Path) -> None:
    """Write the file ``returned`` if ``validate_model_outputs`` succeeds."""
    outputs = _list_names(onnx.load(faulty, load_external_data=False).graph.output)
    returned.parent.mkdir()
    try:
        convert.validate_model_outputs(config, model, faulty, outputs, use_subprocess=False)
        returned.touch()
    except Exception:  # noqa: BLE001 -- any exception is its verdict
        traceback.print_exc()


def run(reference: str, faulty: str, inputs: str, out: str) -> None:
    """Validate twice: by the call, and as the command does."""
    model = open_reference(reference)
    config = GraphConfig(model.config)
    config.graph = onnx.load(reference, load_external_data=False).graph
    config.samples = dict(np.load(inputs))
    call(model, config, Path(faulty), Path("call/returned"))
    export(model, config, Path(faulty), Path(out))


if __name__ == "__main__":
    run(*sys.argv[1:])
