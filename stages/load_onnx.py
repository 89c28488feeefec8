"""Load stage for ONNX: a file or an artifact in the place of a module; it needs no torch."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.stages.contract.model_spec import InputSpec, MaskSource
from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import CodeName, InputFile
from prunepack.stages.graphs.source import load_graph
from prunepack.stages.graphs.weights import check_finite_weights, find_graph_weights

if TYPE_CHECKING:
    from typing import Self

__all__ = ["LoadOnnxConfig", "load_onnx", "load_program"]


class LoadOnnxConfig(Config):
    """The part of the load stage's config that a model in a file has a use for."""

    model: CodeName = Field(description="An .onnx, .prunepack or .pt2 file.")
    inputs: tuple[InputSpec, ...] = Field((), description="Sizes of dynamic axes.")
    dataset: CodeName = Field("", description="Dataset to measure accuracy on.")
    masks: MaskSource = Field("auto", description="Zeros that become masks.")
    dense: InputFile | None = Field(None, description="The file of the dense model.")

    @classmethod
    def select(cls, config: Config) -> Self:
        """Return the fields of a load stage's ``config`` that this one has."""
        names = cls.model_fields.keys() & type(config).model_fields.keys()
        return cls.model_validate({name: getattr(config, name) for name in names})

    @property
    def of_dense(self) -> LoadOnnxConfig:
        """The config that loads the dense model."""
        return self.model_copy(update={"model": str(self.dense), "masks": "none", "dense": None})


@stage(name="load", produces=OnnxModel, tools=("onnx", "onnxruntime", "numpy", "zstandard"))
def load_onnx(config: LoadOnnxConfig, out: Path) -> Facts:
    """Write the model of an ONNX file or an artifact as an output of export."""
    source = Path(config.model)
    model = load_graph(
        source, out, inputs=config.inputs, dataset=config.dataset, masks=config.masks
    )
    weights = find_graph_weights(model)
    check_finite_weights(model, weights, out)
    kind = "a program of torch.export" if source.suffix == ".pt2" else "ONNX"
    remark(f"torch stages skipped: the source is {kind}")
    if OnnxModel(out, "").masked and config.dense is None:
        remark("no dense reference: the source is pruned; name the dense file in load.dense")
    count = sum(math.prod(weight.tensor.dims) for weight in weights)
    return {"summary": f"{source.name}: {count:,} weights", "weights": count}


load_program = replace(load_onnx, tools=(*load_onnx.tools, "torch", "onnx-ir", "onnxscript"))
"""The same stage on a program of torch.export, which torch exports to ONNX."""
