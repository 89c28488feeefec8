"""Settings of verify: inputs, tolerances and metric."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from prunepack.errors import quote
from prunepack.stages.comparison.tolerances import Tolerance
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, InputData, is_user_code
from prunepack.stages.evaluation.named import NAMED
from prunepack.stages.runtime.providers import Provider

__all__ = ["VerifyConfig"]


class VerifyConfig(Config):
    """Inputs and tolerances of the comparison."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA if it is available, else the CPU."
    )
    samples: int = Field(
        0, ge=0, description="Number of test samples for accuracy and parity; 0 means all."
    )
    inputs: InputData = Field(
        "",
        description="Your samples: an .npz, a folder of ONNX test data, or file.py:function.",
    )
    metric: CodeName = Field(
        "",
        description="Metric: accuracy, top5, f1, iou, mae, mse, pearson, cosine_to_dense, or your "
        "file.py:function(outputs, labels), which returns a score per sample. Default: chosen from "
        "the labels.",
    )
    arguments: dict[str, Any] = Field({}, description="Keyword arguments of your metric.")
    answer: str = Field(
        "",
        description="Model output that the metric evaluates, by name or index. Default: the first "
        "output.",
    )
    tolerances: tuple[Tolerance, ...] = Field(
        (), description="Allowed error of each output: outputs=logits,atol=1e-5,rtol=1e-4."
    )
    suggest: bool = Field(
        False, description="Measure run-to-run errors and suggest tolerances from them."
    )
    same: bool = Field(
        False, description="Treat two ONNX files as the same model and apply the tolerances."
    )
    sparse: bool = Field(
        default=True,
        description="Compare a session on sparse kernels too, if any layer can gain by them.",
    )
    random_samples: int = Field(
        64, ge=3, description="Number of random samples for the comparison."
    )
    batch_size: int = Field(500, gt=0, description="Number of samples per run.")
    batch_sizes: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (),
        description="Further batch sizes to compare, such as those of deployment; a recipe adds "
        "those of measure.batch_sizes.",
    )
    seed: int = Field(0, ge=0, description="Seed of the random inputs and of the resampling.")

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        if metric and metric not in NAMED and not is_user_code(metric):
            raise ValueError(
                f"{quote(metric)} is not a metric: expected {', '.join(NAMED)} or file.py:function"
            )
        return metric
