"""Common ground of the exporters: the module between tensors, silence, and failures."""

from __future__ import annotations

import io
import logging
import re
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.output_tree import Leaves, flatten_result, select_tensors
from prunepack.stages.models.running import compute_result, wrap_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["PREFIX", "explain_failure", "flatten_module", "quiet_exporter"]

PREFIX = "model."
"""Prefix of the user's module in the wrapper that is exported."""


def flatten_module(
    module: nn.Module, spec: ModelSpec, *, dynamic_batch: bool, paths: Sequence[str] | None
) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """Return the module between tensors, and one batch of example inputs."""
    import torch

    arrays = random_inputs(spec.inputs, 2 if dynamic_batch else 1, 0)
    if paths is None:
        leaves: Leaves = flatten_result(compute_result(module, arrays))
        paths = list(select_tensors(leaves))
    flat = wrap_module(module, [entry.name for entry in spec.inputs], paths)
    return flat, tuple(torch.tensor(array) for array in arrays.values())


def explain_failure(spec: ModelSpec, error: BaseException) -> RefusedError:
    """Return the error for an export that failed, with its cause in one line."""
    text = "\n".join(_list_messages(error))
    model = f"`{spec.model}` cannot be exported"
    if match := re.search(r"No ONNX function found for <OpOverload\(op='([^']+)'", text):
        return RefusedError(
            f"{model}: ONNX has no operator for {match[1]}",
            expected="operators that torch.onnx knows",
            found=match[1],
            hint="Write forward() without the function that needs it",
        )
    if "data-dependent" in text or "GuardOnDataDependent" in text:
        return RefusedError(
            f"{model}: forward() branches on the value of a tensor",
            expected="a forward() whose path does not depend on values",
            found=_reason(error),
            hint="Write the branch as torch.where or torch.cond",
        )
    return RefusedError(
        f"{model} to ONNX",
        expected="a forward() that torch.export can trace",
        found=_reason(error),
        hint="Set export.dynamic_batch = false if only the dynamic batch fails, or try "
        'export.exporter = "torchscript"',
    )


def _list_messages(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    """Return the first line with text of the innermost cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence the exporters' messages about missing packages and their own deprecations."""
    names = ("torch.onnx", "torch.fx.experimental.symbolic_shapes", "onnxscript", "onnx_ir")
    loggers = {logger: logger.level for logger in map(logging.getLogger, names)}
    inner = logging.getLogger("torch.onnx._internal.exporter._registration")
    loggers[inner] = inner.level
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    output = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(output), redirect_stderr(output):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)
