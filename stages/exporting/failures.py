"""Failures of the exporters, with their causes and what to do about them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.contract.messages import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["explain_failure"]


def explain_failure(spec: ModelSpec, error: BaseException) -> RefusedError:
    """Return the error for an export that failed, with its cause in one line."""
    model = f"`{spec.model}` cannot be exported"
    text = "\n".join(f"{type(each).__name__}: {each}" for each in _walk_chain(error))
    if match := re.search(r"No ONNX function found for <OpOverload\(op='([^']+)'", text):
        return _explain_operator(model, match[1])
    cause = describe_error(_find_cause(error))
    if "data-dependent" in text or "GuardOnDataDependent" in text:
        return _explain_branch(model, cause)
    return RefusedError(
        f"{model} to ONNX",
        expected="a forward() that torch.export can trace",
        found=cause,
        hint="Set export.dynamic_batch = false if only the dynamic batch fails, or try "
        'export.exporter = "torchscript"',
    )


def _explain_operator(model: str, operator: str) -> RefusedError:
    return RefusedError(
        f"{model}: ONNX has no operator for {operator}",
        expected="operators that torch.onnx knows",
        found=operator,
        hint="Write forward() without the function that needs it",
    )


def _explain_branch(model: str, cause: str) -> RefusedError:
    return RefusedError(
        f"{model}: forward() branches on the value of a tensor",
        expected="a forward() whose path does not depend on values",
        found=cause,
        hint="Write the branch as torch.where or torch.cond",
    )


def _walk_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it arose from, also while they were handled."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _find_cause(error: BaseException) -> BaseException:
    """Return the innermost cause that the code behind ``error`` states."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
