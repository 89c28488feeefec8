"""Settings of the gate, as recipes, gate files and reports hold them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from prunepack.stages.contract.stage import Config
from prunepack.stages.metrics.limits import Limit

__all__ = ["GateSettings"]


class GateSettings(Config):
    """Limits, and the metrics and operators that they are about."""

    limits: tuple[Limit, ...] = Field(
        (),
        description="Limits in addition to the built-in ones: 'size.ratio >= 8.5', or relative: "
        "'size.artifact <= 1.02 x baseline'.",
    )
    skip: tuple[str, ...] = Field(
        (), description="Metrics that are not checked, as globs: 'latency.*'."
    )
    relax: bool = Field(
        False, description="Allow limits that are looser than the ones that they replace."
    )
    undecided: Literal["fail", "pass"] = Field(
        "fail", description="Verdict if a check is undecided because there are too few samples."
    )
    operators: tuple[str, ...] = Field(
        (),
        description="Operators that the model may contain, as globs: 'Conv'. Default: all "
        "operators are allowed.",
    )
    domains: tuple[str, ...] = Field(
        (),
        description="Operator domains allowed in addition to those of ONNX, as globs: "
        "'com.microsoft'.",
    )
    random_operators: tuple[str, ...] = Field(
        (),
        description="Operators that may draw random numbers, as globs: 'RandomNormal'. Default: "
        "none.",
    )
