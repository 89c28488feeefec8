"""Sessions of onnxruntime on a requested execution provider; no silent fallback to another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from prunepack.errors import RefusedError, UsageError
from prunepack.runtime.ort_errors import collect_ort_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import onnxruntime

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays

__all__ = [
    "CPU",
    "CUDA",
    "OPTIMIZATIONS",
    "Provider",
    "Session",
    "TensorInfo",
    "choose_providers",
    "count_mismatches",
    "find_fixed_batch",
    "make_session_options",
    "open_artifact_session",
    "open_onnx_session",
    "run_session",
]

Provider = Literal["auto", "cpu", "cuda"]
"""auto: CUDA if a session gets it, else the CPU; cuda: CUDA for every node."""

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

OPTIMIZATIONS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED")
"""onnxruntime's levels of graph optimization below the default, which is all."""

NO_CPU_FALLBACK = "session.disable_cpu_ep_fallback"
"""Session option: a node that only the CPU can run is an error, unless the CPU is requested."""

LOG_FATAL, LOG_WARNING = 4, 2


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


def choose_providers(choice: Provider, model: Path) -> list[str]:
    """Return the execution providers that ``choice`` means for ``model`` on this machine.

    onnxruntime lists CUDA wherever it was built with CUDA, and falls back to the CPU without an
    error if there is no device, so this opens a session to see what it gets. If CUDA was requested
    by name, it is the only provider: its session refuses a model with a node that only the CPU
    can run.

    Raises:
        UsageError: If CUDA is requested and not available.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if choice == "cpu" or (choice == "auto" and CUDA not in available):
        return [CPU]
    got = [] if CUDA not in available else open_onnx_session(model, [CUDA, CPU]).get_providers()
    if CUDA in got:
        return [CUDA] if choice == "cuda" else [CUDA, CPU]
    if choice == "auto":
        return [CPU]
    raise UsageError(
        "the CUDA execution provider cannot be used",
        expected=f"a session on {CUDA}",
        found=" and ".join(got) or f"an onnxruntime with {', '.join(available)} only",
        hint="Install onnxruntime-gpu and a CUDA driver with its device, or choose provider cpu",
    )


def make_session_options(
    threads: int = 1,
    providers: Sequence[str] = (CPU,),
    profile: Path | None = None,
    optimization: str | None = None,
) -> onnxruntime.SessionOptions:
    """Return the options that all sessions of the stages have in common.

    Args:
        threads: Threads within a node.
        providers: Execution providers of the session. Without the CPU among them, a node that only
            the CPU can run is an error.
        profile: Path prefix of the profile's files; None writes no profile.
        optimization: One of ``OPTIMIZATIONS``; None means all graph optimizations.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = LOG_FATAL
    if CPU not in providers:
        options.add_session_config_entry(NO_CPU_FALLBACK, "1")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    if optimization is not None:
        level = getattr(onnxruntime.GraphOptimizationLevel, optimization)
        options.graph_optimization_level = level
    return options


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
    with _log_off(), _refuse_ort_errors(f"onnxruntime cannot open '{model}'", hint):
        session: Session = onnxruntime.InferenceSession(
            str(model),
            make_session_options(threads, providers, profile, optimization),
            providers=list(providers),
            enable_fallback=0,
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
        session: Session = open_session(artifact, providers=providers, session_options=options)
        return session


def count_mismatches(wanted: Sequence[str], *sessions: Session) -> tuple[int, str]:
    """Return how many sessions did not get the first provider, and the providers they got."""
    got = [session.get_providers()[0] for session in sessions]
    count = sum(provider != wanted[0] for provider in got)
    return count, f"{wanted[0]}; got {', '.join(sorted(set(got)))}"


def find_fixed_batch(session: Session) -> int | None:
    """Return the only batch size that the model takes; None if its batch is a dynamic axis."""
    sizes = [described.shape[0] for described in session.get_inputs() if described.shape]
    return next((size for size in sizes if isinstance(size, int)), None)


def run_session(session: Session, inputs: ArrayMapping) -> Arrays:
    """Return every output of ``session`` by name; runs in parts if the batch size is fixed.

    Raises:
        RefusedError: If the model does not take these inputs.
    """
    import numpy as np

    names = [output.name for output in session.get_outputs()]
    hint = "Check that the files given are all of the same model"
    with _refuse_ort_errors(f"onnxruntime cannot run the model on {', '.join(inputs)}", hint):
        parts = [session.run(names, part) for part in _split(inputs, find_fixed_batch(session))]
    if len(parts) == 1:
        return dict(zip(names, parts[0], strict=True))
    return {name: np.concatenate(arrays) for name, *arrays in zip(names, *parts, strict=True)}


def _split(inputs: ArrayMapping, size: int | None) -> Iterator[Arrays]:
    count = max((len(array) for array in inputs.values()), default=0)
    for at in range(0, count, size or max(count, 1)):
        yield {name: array[at : at + (size or count)] for name, array in inputs.items()}


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
