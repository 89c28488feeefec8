"""Common ground of the exporters: the module between tensors, and silence."""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.output_tree import flatten_result, select_tensors
from prunepack.stages.models.running import compute_result, wrap_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["PREFIX", "flatten_module", "quiet_exporter", "silence_loggers"]

PREFIX = "model."
"""Prefix of the user's module in the wrapper that is exported."""

SILENCED = (
    "torch.onnx",
    "torch.onnx._internal.exporter._registration",
    "torch.fx.experimental.symbolic_shapes",
    "onnxscript",
    "onnx_ir",
)


def flatten_module(
    module: nn.Module, spec: ModelSpec, *, dynamic_batch: bool, paths: Sequence[str] | None
) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """Return the module between tensors, and one batch of example inputs."""
    import torch

    arrays = random_inputs(spec.inputs, 2 if dynamic_batch else 1, 0)
    if paths is None:
        paths = list(select_tensors(flatten_result(compute_result(module, arrays))))
    flat = wrap_module(module, [entry.name for entry in spec.inputs], paths)
    return flat, tuple(torch.tensor(array) for array in arrays.values())


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence the exporters' messages about missing packages and their own deprecations."""
    output = io.StringIO()
    with (
        silence_loggers(*SILENCED),
        warnings.catch_warnings(),
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def silence_loggers(*names: str) -> Iterator[None]:
    """Let loggers show critical messages only inside the block."""
    loggers = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)
