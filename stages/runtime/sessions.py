"""Sessions of onnxruntime on an ONNX file or an artifact."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from prunepack.errors import RefusedError
from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.stages.runtime.session_options import (
    CPU,
    EXTERNAL_FOLDER,
    LOG_FATAL,
    OPTIMIZATIONS,
    make_session_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from onnx import ModelProto

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays

__all__ = [
    "Session",
    "TensorInfo",
    "find_fixed_batch",
    "open_artifact_session",
    "open_graph_session",
    "open_onnx_session",
    "open_sparse_session",
    "run_session",
]

LOG_WARNING = 2
"""onnxruntime's own default."""


class TensorInfo(Protocol):
    """Name and shape of an input or output of a session."""

    @property
    def name(self) -> str:
        """The name in the graph."""

    @property
    def shape(self) -> Sequence[int | str | None]:
        """The sizes; a text or None for a dynamic axis."""


class Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that stages use."""

    def get_inputs(self) -> Sequence[TensorInfo]:
        """Return the inputs of the model."""

    def get_outputs(self) -> Sequence[TensorInfo]:
        """Return the outputs of the model."""

    def get_providers(self) -> list[str]:
        """Return the execution providers, in order of preference."""

    def get_provider_options(self) -> Mapping[str, Mapping[str, str]]:
        """Return the options of each execution provider."""

    def run(self, names: Sequence[str] | None, inputs: ArrayMapping) -> list[Array]:
        """Return the outputs called ``names``; None means all."""

    def end_profiling(self) -> str:
        """Close the profile and return the name of its file."""


def open_onnx_session(
    model: Path,
    providers: Sequence[str],
    threads: int = 1,
    profile: Path | None = None,
    optimization: str | None = None,
) -> Session:
    """Open a session on an ONNX file; the arguments are those of :func:`make_session_options`.

    Raises:
        RefusedError: If onnxruntime cannot use the model, or not on these providers alone.
    """
    import onnxruntime

    hint = None if CPU in providers else "Choose provider auto to let nodes run on the CPU as well"
    with _log_off(), _refuse_ort_errors(f"onnxruntime cannot open `{model}`", hint):
        session: Session = onnxruntime.InferenceSession(
            str(model),
            make_session_options(threads, providers, profile, optimization),
            providers=list(providers),
            enable_fallback=0,
        )
        return session


def open_graph_session(
    model: ModelProto, folder: Path, outputs: Sequence[str], providers: Sequence[str]
) -> Session:
    """Open a session on a changed model, whose outputs are the tensors ``outputs``.

    Args:
        model: The model, which is changed.
        folder: The folder of its external data.
        outputs: The names of tensors of its graph.
        providers: The execution providers.

    Raises:
        RefusedError: If onnxruntime cannot use the model.
    """
    import onnxruntime
    from onnx import ValueInfoProto

    del model.graph.output[:]
    model.graph.output.extend(ValueInfoProto(name=name) for name in outputs)
    options = make_session_options(providers=providers, optimization=OPTIMIZATIONS[0])
    options.add_session_config_entry(EXTERNAL_FOLDER, str(folder))
    with _log_off(), _refuse_ort_errors("onnxruntime cannot open the changed model"):
        session: Session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=list(providers)
        )
        return session


def open_sparse_session(
    model: Path, threads: int = 1, layers: Literal["auto", "all"] = "auto"
) -> Session:
    """Open a session on an ONNX file or an artifact, with sparse kernels.

    Args:
        model: The file.
        threads: Threads of the session.
        layers: ``auto`` for the layers that are faster on sparse kernels; ``all`` for every layer
            that can run there.

    Raises:
        RefusedError: If the artifact is damaged or onnxruntime cannot use its model.
    """
    from prunepack.session import open_session

    with _log_off():
        session: Session = open_session(
            model, session_options=make_session_options(threads), sparse=layers
        )
        return session


def open_artifact_session(
    artifact: Path, providers: Sequence[str], threads: int = 1, profile: Path | None = None
) -> Session:
    """Open a session on an artifact, without writing a file.

    The arguments are those of :func:`make_session_options`.

    Raises:
        UsageError: If a provider is not available.
        RefusedError: If the artifact is damaged or onnxruntime cannot use its model.
    """
    from prunepack.session import open_session

    options = make_session_options(threads, providers, profile)
    with _log_off():
        session: Session = open_session(
            artifact, providers=providers, session_options=options, start="optimised"
        )
        return session


def find_fixed_batch(session: Session, axes: Mapping[str, int | None] | None = None) -> int | None:
    """Return the only batch size that the model takes; None if its batch is a dynamic axis.

    Args:
        session: The session.
        axes: The batch axis of each input; by default the first one.
    """
    places = ((entry.shape, (axes or {}).get(entry.name, 0)) for entry in session.get_inputs())
    sizes = [shape[axis] for shape, axis in places if axis is not None and len(shape) > axis]
    return next((size for size in sizes if isinstance(size, int)), None)


def run_session(
    session: Session, inputs: ArrayMapping, axes: Mapping[str, int | None] | None = None
) -> Arrays:
    """Return every output of ``session`` by name; runs in parts if the batch size is fixed.

    Args:
        session: The session.
        inputs: The inputs by name.
        axes: The batch axis of each input; by default the first one.

    Raises:
        RefusedError: If the model does not take these inputs.
    """
    import numpy as np

    names = [output.name for output in session.get_outputs()]
    hint = "Check that the files given are all of the same model"
    with _refuse_ort_errors(f"onnxruntime cannot run the model on {', '.join(inputs)}", hint):
        size = find_fixed_batch(session, axes)
        parts = [session.run(names, part) for part in _split(inputs, size, axes or {})]
    if len(parts) == 1:
        return dict(zip(names, parts[0], strict=True))
    return {name: np.concatenate(arrays) for name, *arrays in zip(names, *parts, strict=True)}


def _split(
    inputs: ArrayMapping, size: int | None, axes: Mapping[str, int | None]
) -> Iterator[Arrays]:
    """Yield parts of ``size`` samples; everything at once without a size."""
    if size is None:
        yield dict(inputs)
        return
    places = {name: axes.get(name, 0) for name in inputs}
    counts = [inputs[name].shape[axis] for name, axis in places.items() if axis is not None]
    for start in range(0, max(counts, default=0), size):
        yield {name: _cut(array, places[name], start, size) for name, array in inputs.items()}


def _cut(array: Array, axis: int | None, start: int, size: int) -> Array:
    if axis is None:
        return array
    return array[(slice(None),) * axis + (slice(start, start + size),)]


@contextmanager
def _log_off() -> Iterator[None]:
    """Keep onnxruntime's own log off the terminal; the report has what matters of it."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(LOG_FATAL)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(LOG_WARNING)


@contextmanager
def _refuse_ort_errors(what: str, hint: str | None = None) -> Iterator[None]:
    """Turn onnxruntime's errors on a model into ours."""
    import onnxruntime

    try:
        yield
    except collect_ort_errors(onnxruntime) as error:
        raise RefusedError(what, found=str(error).splitlines()[0], hint=hint) from None
