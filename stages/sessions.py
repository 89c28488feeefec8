"""onnxruntime sessions on a chosen execution provider; a silent fall to another is an error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from prunepack.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["Provider", "artifact_session", "mismatches", "onnx_session", "providers_for", "run"]

Provider = Literal["auto", "cpu", "cuda"]
"""auto: CUDA where a session really gets it, else the CPU."""

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def providers_for(choice: Provider, model: Path) -> list[str]:
    """Return the execution providers that ``choice`` means for ``model`` on this machine.

    onnxruntime lists CUDA wherever it was built with it, and falls back to the CPU without a word
    where there is no device; so a session is opened to see what it gets.

    Raises:
        UsageError: If CUDA is asked for and cannot be had.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if choice == "cpu" or (choice == "auto" and CUDA not in available):
        return [CPU]
    got = [] if CUDA not in available else onnx_session(model, [CUDA, CPU]).get_providers()
    if CUDA in got:
        return [CUDA, CPU]
    if choice == "auto":
        return [CPU]
    raise UsageError(
        "the CUDA execution provider cannot be used",
        expected=f"a session on {CUDA}",
        found=" and ".join(got) or f"an onnxruntime with {', '.join(available)} only",
        do="Install onnxruntime-gpu and a CUDA driver with its device, or choose provider cpu.",
    )


def onnx_session(model: Path, providers: Sequence[str], threads: int = 1) -> Any:
    """Open an ``InferenceSession`` on an ONNX file.

    Raises:
        RefusedError: If onnxruntime cannot use the model.
    """
    import onnxruntime

    with _quiet(), _refusing(model):
        return onnxruntime.InferenceSession(
            str(model), _options(threads), providers=list(providers)
        )


def artifact_session(artifact: Path, providers: Sequence[str], threads: int = 1) -> Any:
    """Open an ``InferenceSession`` on a packed model, without writing a file.

    Raises:
        UsageError: If a provider is not got.
        RefusedError: If the artifact is damaged or onnxruntime cannot use its model.
    """
    from prunepack.session import open_session

    with _quiet():
        return open_session(artifact, providers=providers, session_options=_options(threads))


def mismatches(wanted: Sequence[str], *sessions: Any) -> tuple[int, str]:
    """Return how many sessions did not get the first wanted provider, and who got what."""
    got = [session.get_providers()[0] for session in sessions]
    return sum(one != wanted[0] for one in got), f"{wanted[0]}; got {', '.join(sorted(set(got)))}"


def run(session: Any, inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """Return every output of ``session`` by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
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
def _refusing(source: Path) -> Iterator[None]:
    """Turn onnxruntime's errors on a model into ours."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    errors = (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.InvalidArgument)
    try:
        yield
    except (*errors, state.NotImplemented, state.NoSuchFile, state.RuntimeException) as error:
        raise RefusedError(
            f"onnxruntime cannot open {source}", found=str(error).splitlines()[0]
        ) from None
