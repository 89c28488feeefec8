"""Versions of the libraries that make a release."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["list_versions"]

LIBRARIES = ("prunepack", "torch", "onnx", "onnxruntime", "onnxruntime-gpu")


def list_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed, by name."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
