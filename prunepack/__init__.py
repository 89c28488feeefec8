"""One file from which an exported model comes back byte for byte.

Everything public is reached from here and loaded on first use, so that importing the package costs
nothing: ``pack``, ``unpack``, ``open_session``, ``Artifact``, ``describe_tensors`` and their types.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prunepack.format.limits import Limits
    from prunepack.packing import Summary, pack
    from prunepack.reading.artifact import Artifact
    from prunepack.reading.inspection import TensorRow, describe_tensors
    from prunepack.session import open_session
    from prunepack.unpacking import unpack

    __version__: str

__all__ = [
    "Artifact",
    "Limits",
    "Summary",
    "TensorRow",
    "__version__",
    "describe_tensors",
    "open_session",
    "pack",
    "unpack",
]

_HOMES = {
    "Artifact": "reading.artifact",
    "Limits": "format.limits",
    "Summary": "packing",
    "TensorRow": "reading.inspection",
    "describe_tensors": "reading.inspection",
    "open_session": "session",
    "pack": "packing",
    "unpack": "unpacking",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("prunepack")
    elif name in _HOMES:
        value = getattr(import_module(f"prunepack.{_HOMES[name]}"), name)
    else:
        msg = f"module 'prunepack' has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
