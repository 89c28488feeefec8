"""Exceptions of onnxruntime, which have no class of their own in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunepack.runtime.ort_types import OrtModule

__all__ = ["collect_ort_errors"]


def collect_ort_errors(ort: OrtModule) -> tuple[type[Exception], ...]:
    """Return every exception that onnxruntime raises for a model or its inputs.

    Args:
        ort: The module ``onnxruntime``.
    """
    members = vars(ort.capi.onnxruntime_pybind11_state).values()
    own = (kind for kind in members if isinstance(kind, type) and issubclass(kind, Exception))
    return (RuntimeError, ValueError, *own)
