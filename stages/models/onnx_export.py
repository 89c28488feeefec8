"""Export of a module by torch's dynamo exporter."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.data.samples import random_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["quiet_exporter", "run_exporter"]


def run_exporter(
    module: nn.Module, spec: ModelSpec, *, opset: int | None = None, dynamic_batch: bool = True
) -> torch.onnx.ONNXProgram:
    """Run torch's dynamo exporter on one random batch.

    Args:
        module: The module, in evaluation mode.
        spec: Its inputs.
        opset: The ONNX opset; the exporter's choice if None.
        dynamic_batch: Whether the batch axis stays dynamic; else it is one sample.

    Returns:
        The ONNX model, with the graph that torch traced.

    Raises:
        RefusedError: If the exporter cannot express the model.
    """
    try:
        with quiet_exporter():
            program = _export(module, spec, opset, dynamic_batch=dynamic_batch)
    except Exception as error:
        suffix = " with any batch size" if dynamic_batch else ""
        raise RefusedError(
            f"{spec.model} cannot be exported to ONNX",
            expected=f"a forward() that torch.export can trace{suffix}",
            found=_reason(error),
            hint="Set export.dynamic_batch to false if only the dynamic batch fails",
        ) from error
    if program is None:  # the signature of torch.onnx.export allows it
        raise RefusedError(f"{spec.model} cannot be exported to ONNX", found="no ONNX model")
    return program


def _export(
    module: nn.Module, spec: ModelSpec, opset: int | None, *, dynamic_batch: bool
) -> torch.onnx.ONNXProgram | None:
    import torch

    arrays = random_inputs(spec.inputs, 2 if dynamic_batch else 1, 0)
    example = tuple(torch.from_numpy(array) for array in arrays.values())
    batch = torch.export.Dim("batch")
    return torch.onnx.export(
        module,
        example,
        dynamo=True,
        dynamic_shapes=tuple({0: batch} for _ in example) if dynamic_batch else None,
        input_names=[entry.name for entry in spec.inputs],
        opset_version=opset,
        verbose=False,
    )


def _reason(error: BaseException) -> str:
    """Return the first line with text of the innermost cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence the exporter's messages about missing packages and its own deprecations."""
    names = ("torch.onnx._internal.exporter._registration", "onnxscript", "onnx_ir")
    loggers = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", "# The axis name: batch will not be used")
            yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)
