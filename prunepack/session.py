"""An onnxruntime session on the model in an artifact, without a file in between."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import (
    TYPE_CHECKING,
    cast,
    get_args,
)

from prunepack.errors import RefusedError, UsageError
from prunepack.reading.artifact import Artifact
from prunepack.runtime.launch import Launch, Start
from prunepack.runtime.ort_providers import check_used_providers, choose_providers
from prunepack.runtime.ort_weights import (
    decode_model,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.format.limits import Limits
    from prunepack.runtime.ort_types import (
        OrtModule,
        Provider,
        Session,
        SessionOptions,
    )


__all__ = ["Start", "open_session"]


def open_session(
    path: str | os.PathLike[str],
    *,
    providers: Sequence[Provider] | None = None,
    session_options: SessionOptions | None = None,
    limits: Limits | None = None,
    start: Start | None = None,
) -> Session:
    """Start onnxruntime on the model in an artifact, decoded in memory.

    The SHA-256 of the artifact is checked, and the CRC-32 of each decoded stream. No file is
    written. The artifact must stay in its place until the session has started.

    Args:
        path: The artifact.
        providers: Execution providers in order of preference; each must be in use by the session.
            By default all are tried, the CPU last, and those that cannot be loaded are skipped.
        session_options: Options of this session, to which the weights are added. By default,
            denormals are zeros, if this is the first session of the process.
        limits: Reader limits, if not the default.
        start: By default ``optimised``, or ``instant`` on the CPU for weights of 1 GB or more.

    Returns:
        The ``onnxruntime.InferenceSession``.

    Raises:
        UsageError: If onnxruntime is missing, a provider cannot be used, or an argument is wrong.
        RefusedError: If the artifact is damaged, or onnxruntime refuses the model.
    """
    _check_start(start)
    ort = _import_onnxruntime()
    requested = choose_providers(providers, ort.get_available_providers())
    with Artifact.open(path, limits) as artifact:
        model = decode_model(artifact)
    attempts = [requested[skip:] for skip in range(len(requested) if providers is None else 1)]
    launch = Launch(ort, model, os.fspath(path), start)
    session = _start_first_possible(launch, session_options, attempts)
    if providers is not None:
        check_used_providers(requested, session.get_providers())
    return session


def _check_start(start: str | None) -> None:
    if start not in {None, *get_args(Start)}:
        raise UsageError(
            "unknown way to start a session",
            expected=" or ".join(map(repr, get_args(Start))),
            found=repr(start),
            hint="Choose one of these",
        )


def _import_onnxruntime() -> OrtModule:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            f"onnxruntime cannot be imported ({error})", hint="Install `prunepack[runtime]`"
        ) from error
    return cast("OrtModule", onnxruntime)


def _start_first_possible(
    launch: Launch,
    options: SessionOptions | None,
    attempts: Sequence[Sequence[Provider]],
) -> Session:
    """Start on the first list of providers that the machine can load."""
    prepared = launch.prepare(options, attempts[0]) if options else None
    *others, last = attempts
    for providers in others:
        with suppress(RefusedError):
            return launch.start(prepared or launch.prepare(None, providers), providers)
    return launch.start(prepared or launch.prepare(None, last), last)
