"""The execution provider: whether it can run here, and its registration with onnxruntime."""

from __future__ import annotations

import logging
import platform
import re
from typing import TYPE_CHECKING, Any

from prunepack.sparse.native import native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.runtime.ort_types import OrtModule

__all__ = ["PROVIDER", "explain_absence", "find_devices", "warn_once"]

PROVIDER = "PrunepackSparse"
"""Name of the execution provider, in onnxruntime and in ``get_providers()``."""

FLOOR = (1, 24)
"""Oldest onnxruntime whose interface for execution providers the library was tested with."""

X86 = {"AMD64", "x86_64"}

_warned: set[str] = set()


def explain_absence(ort: OrtModule) -> str | None:
    """Return why sparse kernels cannot run in this process, or None if they can."""
    if native is None:
        return "the native library is not installed, because there was no C compiler"
    version = tuple(map(int, re.findall(r"\d+", ort.__version__)[:2]))
    if version < FLOOR:
        return f"onnxruntime {ort.__version__} is older than {FLOOR[0]}.{FLOOR[1]}"
    if platform.machine() in X86 and native.architecture() == "portable":
        return "the processor has no AVX2, or PRUNEPACK_SPARSE_ARCH forbids it"
    return None


def find_devices(ort: OrtModule) -> Sequence[Any]:
    """Return the devices of the provider; register its library on the first call.

    Raises:
        RuntimeError: If onnxruntime refuses the library.
    """
    assert native is not None
    devices = _list_devices(ort)
    if not devices:
        ort.register_execution_provider_library(PROVIDER, native.__file__)
        devices = _list_devices(ort)
    return devices


def _list_devices(ort: OrtModule) -> list[Any]:
    return [device for device in ort.get_ep_devices() if device.ep_name == PROVIDER]


def warn_once(reason: str) -> None:
    """Log that sessions run densely, once per reason and process."""
    if reason not in _warned:
        _warned.add(reason)
        logging.getLogger("prunepack").warning("sparse kernels are not used: %s", reason)
