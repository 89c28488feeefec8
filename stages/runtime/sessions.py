"""onnxruntime sessions on a chosen execution provider, without silent fallback to another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from prunepack.errors import RefusedError, UsageError
from prunepack.runtime.ort_errors import collect_ort_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays

__all__ = [
    "CPU",
    "CUDA",
    "OPTIMIZATIONS",
    "Provider",
    "Session",
    "TensorInfo",
    "artifact_session",
    "count_mismatches",
    "fixed_batch",
    "onnx_session",
    "providers_for",
    "run",
]

Provider = Literal["auto", "cpu", "cuda"]
"""auto: CUDA where a session really gets it, else the CPU; cuda: CUDA for every node."""

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

OPTIMIZATIONS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED")
"""onnxruntime's levels of graph optimization below the default, which is all."""

STRICT = "session.disable_cpu_ep_fallback"
"""onnxruntime's option that a node which would run on the CPU, and was not told to, is an error."""


class TensorInfo(Protocol):
    """Name and shape of an input or output of a session."""

    @property
    def name(self) -> str:
        """The name in the graph."""

    @property
    def shape(self) -> Sequence[int | str | None]:
        """The sizes; a text or None for a dynamic axis."""


class Session(Protocol):
    """The methods of onnxruntime's ``InferenceSession`` that the stages call."""

    def get_inputs(self) -> Sequence[TensorInfo]:
        """Return the inputs in their order."""

    def get_outputs(self) -> Sequence[TensorInfo]:
        """Return the outputs in their order."""

    def get_providers(self) -> Sequence[str]:
        """Return the execution providers in order of preference."""

    def run(self, output_names: Sequence[str] | None, input_feed: ArrayMapping) -> list[Array]:
        """Return the outputs for one batch."""

    def end_profiling(self) -> str:
        """Write the profile, and return the path of its file."""


def providers_for(choice: Provider, model: Path) -> list[str]:
    """Return the execution providers that ``choice`` means for ``model`` on this machine.

    onnxruntime lists CUDA wherever it was built with it, and falls back to the CPU without a word
    where there is no device; so a session is opened to see what it gets. Where CUDA was asked for
    by name it is the only one: a session on it refuses a model of which a node would run elsewhere.

    Raises:
        UsageError: If CUDA is asked for and cannot be had.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if choice == "cpu" or (choice == "auto" and CUDA not in available):
        return [CPU]
    got = [] if CUDA not in available else onnx_session(model, [CUDA, CPU]).get_providers()
    if CUDA in got:
        return [CUDA] if choice == "cuda" else [CUDA, CPU]
    if choice == "auto":
        return [CPU]
    raise UsageError(
        "the CUDA execution provider cannot be used",
        expected=f"a session on {CUDA}",
        found=" and ".join(got) or f"an onnxruntime with {', '.join(available)} only",
        hint="Install onnxruntime-gpu and a CUDA driver with its device, or choose provider cpu.",
    )


def onnx_session(
    model: Path,
    providers: Sequence[str],
    threads: int = 1,
    profile: Path | None = None,
    optimization: str | None = None,
) -> Session:
    """Open an ``InferenceSession`` on an ONNX file.

    Args:
        model: The file.
        providers: Execution providers in order of preference. Without the CPU among them, a node
            that none of the others can run is an error, not a silent fall to the CPU.
        threads: Threads within a node.
        profile: The prefix of the profile's file names; by default, no profile is written.
        optimization: One of ``OPTIMIZATIONS``; by default, all graph optimizations.

    Raises:
        RefusedError: If onnxruntime cannot use the model, or not on these providers alone.
    """
    import onnxruntime

    do = None if CPU in providers else "Choose provider auto to let nodes run on the CPU as well."
    with _quiet(), _refusing(f"onnxruntime cannot open {model}", do):
        options = _options(providers, threads, profile)
        if optimization is not None:
            level = getattr(onnxruntime.GraphOptimizationLevel, optimization)
            options.graph_optimization_level = level
        session: Session = onnxruntime.InferenceSession(
            str(model), options, providers=list(providers), enable_fallback=0
        )
        return session


def artifact_session(
    artifact: Path, providers: Sequence[str], threads: int = 1, profile: Path | None = None
) -> Session:
    """Open an ``InferenceSession`` on a packed model, without writing a file.

    The arguments are those of :func:`onnx_session`.

    Raises:
        UsageError: If a provider is not got.
        RefusedError: If the artifact is damaged or onnxruntime cannot use its model.
    """
    from prunepack.session import open_session

    options = _options(providers, threads, profile)
    with _quiet():
        session: Session = open_session(artifact, providers=providers, session_options=options)
        return session


def count_mismatches(wanted: Sequence[str], *sessions: Session) -> tuple[int, str]:
    """Return how many sessions did not get the first wanted provider, and who got what."""
    got = [session.get_providers()[0] for session in sessions]
    return sum(one != wanted[0] for one in got), f"{wanted[0]}; got {', '.join(sorted(set(got)))}"


def fixed_batch(session: Session) -> int | None:
    """Return the only batch size that the model takes; None where it takes any."""
    sizes = [one.shape[0] for one in session.get_inputs() if one.shape]
    return next((size for size in sizes if isinstance(size, int)), None)


def run(session: Session, inputs: ArrayMapping) -> Arrays:
    """Return every output of ``session`` by name; in parts, where the batch size is fixed.

    Raises:
        RefusedError: If the model does not take these inputs.
    """
    import numpy as np

    names = [output.name for output in session.get_outputs()]
    do = "Check that the files given are all of the same model."
    with _refusing(f"onnxruntime cannot run the model on {', '.join(inputs)}", do):
        parts = [session.run(names, part) for part in _parts(inputs, fixed_batch(session))]
    if len(parts) == 1:
        return dict(zip(names, parts[0], strict=True))
    return {name: np.concatenate(one) for name, *one in zip(names, *parts, strict=True)}


def _parts(inputs: ArrayMapping, size: int | None) -> Iterator[Arrays]:
    count = max((len(array) for array in inputs.values()), default=0)
    for at in range(0, count, size or max(count, 1)):
        yield {name: array[at : at + (size or count)] for name, array in inputs.items()}


def _options(providers: Sequence[str], threads: int, profile: Path | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if CPU not in providers:
        options.add_session_config_entry(STRICT, "1")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    return options


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime's own log off the terminal: what matters of it is in the verdict."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(2)


@contextmanager
def _refusing(what: str, do: str | None = None) -> Iterator[None]:
    """Turn onnxruntime's errors on a model into ours."""
    import onnxruntime

    try:
        yield
    except collect_ort_errors(onnxruntime) as error:
        raise RefusedError(what, found=str(error).splitlines()[0], hint=do) from None
