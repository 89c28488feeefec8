"""Packed models: artifacts from which an exported model comes back byte for byte.

The names in ``__all__`` are public, and so are the fields and methods that their docstrings
describe:

* ``pack`` packs an ONNX model or a safetensors checkpoint into an artifact, and returns a
  ``Summary``. ``LevelName`` lists its levels.
* ``unpack`` writes the packed files into a new folder.
* ``open_session`` starts onnxruntime on an artifact, and returns a ``Session``. ``Start`` lists the
  ways to start, ``Sparse`` the uses of sparse kernels. ``sparse_session_options`` returns options
  with sparse kernels for sessions of your own, and ``list_sparse_layers`` tells where they run, as
  a ``SparseLayer`` per layer.
* ``Artifact`` reads files (``PackedFile``) and tensors (``TensorInfo``) of an artifact, and
  ``describe_tensors`` describes each tensor as a ``TensorRow``.
* ``Limits`` are reader limits: bounds on the sizes that an artifact may declare.
* ``Progress`` is the type of a function that is called with bytes done and bytes in total.
* ``PrunepackError`` is the base of all errors: ``UsageError`` for wrong arguments and paths;
  ``RefusedError`` for inputs that cannot be processed, with ``CorruptArtifactError``,
  ``UnsupportedArtifactError`` and ``LimitExceededError``.

Whole runs, and stages on live modules of torch, which need ``prunepack[build]``:

* ``run`` carries a model through all stages of a recipe, and returns a ``Run`` with its report, its
  metrics, its artifact and its pictures (``Plot``).
* ``prune`` puts masks on a module, ``finalize`` makes them permanent, ``export`` writes the module
  as ONNX, and ``verify`` compares a file with the module, or two files, and returns a
  ``Verification``.
* ``RunObserver`` is the base of classes that are told what a run does.

``prunepack.training`` is public too: a pruner for training loops, which needs ``prunepack[build]``.
All other modules below this package are private. Each name is loaded on first use, so that
``import prunepack`` itself loads no library.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # not from typing, which takes as long to load as all else here
if TYPE_CHECKING:
    from prunepack.coding.levels import LevelName
    from prunepack.errors import (
        CorruptArtifactError,
        LimitExceededError,
        PrunepackError,
        RefusedError,
        UnsupportedArtifactError,
        UsageError,
    )
    from prunepack.format.header import PackedFile
    from prunepack.format.layout import TensorInfo
    from prunepack.format.limits import Limits
    from prunepack.io.progress import Progress
    from prunepack.packing import Summary, pack
    from prunepack.pipeline.observers.observer import RunObserver
    from prunepack.reading.artifact import Artifact
    from prunepack.reading.inspection import TensorRow, describe_tensors
    from prunepack.runtime.ort_types import Session
    from prunepack.scripting.export import export
    from prunepack.scripting.live import finalize, prune
    from prunepack.scripting.plots import Plot
    from prunepack.scripting.run import Run, run
    from prunepack.scripting.verify import Verification, verify
    from prunepack.session import Sparse, Start, open_session
    from prunepack.sparse.layers import SparseLayer, list_sparse_layers
    from prunepack.sparse.options import sparse_session_options
    from prunepack.unpacking import unpack

    __version__: str

__all__ = [
    "Artifact",
    "CorruptArtifactError",
    "LevelName",
    "LimitExceededError",
    "Limits",
    "PackedFile",
    "Plot",
    "Progress",
    "PrunepackError",
    "RefusedError",
    "Run",
    "RunObserver",
    "Session",
    "Sparse",
    "SparseLayer",
    "Start",
    "Summary",
    "TensorInfo",
    "TensorRow",
    "UnsupportedArtifactError",
    "UsageError",
    "Verification",
    "__version__",
    "describe_tensors",
    "export",
    "finalize",
    "list_sparse_layers",
    "open_session",
    "pack",
    "prune",
    "run",
    "sparse_session_options",
    "unpack",
    "verify",
]

_HOMES = {
    "Artifact": "reading.artifact",
    "CorruptArtifactError": "errors",
    "LevelName": "coding.levels",
    "LimitExceededError": "errors",
    "Limits": "format.limits",
    "PackedFile": "format.header",
    "Plot": "scripting.plots",
    "Progress": "io.progress",
    "PrunepackError": "errors",
    "RefusedError": "errors",
    "Run": "scripting.run",
    "RunObserver": "pipeline.observers.observer",
    "Session": "runtime.ort_types",
    "Sparse": "session",
    "SparseLayer": "sparse.layers",
    "Start": "session",
    "Summary": "packing",
    "TensorInfo": "format.layout",
    "TensorRow": "reading.inspection",
    "UnsupportedArtifactError": "errors",
    "UsageError": "errors",
    "Verification": "scripting.verify",
    "describe_tensors": "reading.inspection",
    "export": "scripting.export",
    "finalize": "scripting.live",
    "list_sparse_layers": "sparse.layers",
    "open_session": "session",
    "pack": "packing",
    "prune": "scripting.live",
    "run": "scripting.run",
    "sparse_session_options": "sparse.options",
    "unpack": "unpacking",
    "verify": "scripting.verify",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module on first use."""
    if name == "__version__":
        value: object = import_module("importlib.metadata").version("prunepack")
    elif name in _HOMES:
        value = getattr(import_module(f"prunepack.{_HOMES[name]}"), name)
    else:
        msg = f"module 'prunepack' has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
