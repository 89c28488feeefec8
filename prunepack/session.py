"""An onnxruntime session on the model in an artifact, without a file in between."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from prunepack.arguments import PATH, check_arguments, check_choice, make_optional
from prunepack.errors import PrunepackError, RefusedError, UsageError
from prunepack.format.limits import LIMITS
from prunepack.reading.artifact import Artifact
from prunepack.reading.recognition import is_artifact
from prunepack.runtime.launch import Launch, Start, start_session
from prunepack.runtime.ort_providers import (
    PROVIDERS,
    check_used_providers,
    choose_providers,
    require_cpu,
)
from prunepack.runtime.ort_types import SESSION_OPTIONS
from prunepack.runtime.ort_weights import extract_model
from prunepack.runtime.plain_model import extract_plain_model
from prunepack.runtime.used_options import claim_options, refuse_used
from prunepack.sparse.held_weights import collect_all, start_sparse
from prunepack.sparse.library import PROVIDER
from prunepack.sparse.options import add_sparse_provider
from prunepack.sparse.passes.session import define_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from prunepack.format.limits import Limits
    from prunepack.runtime.ort_types import (
        OrtModule,
        PassesSession,
        Provider,
        Session,
        SessionOptions,
    )

    StartOn = Callable[[Sequence[Provider]], Session]

__all__ = ["Sparse", "Start", "open_session"]

Sparse: TypeAlias = Literal["off", "auto", "all"]
"""Whether layers with sparse weights run on sparse kernels: ``off``, none; ``auto``, those that
gain by it; ``all``, whatever it costs."""


@check_arguments(
    path=PATH,
    providers=make_optional(PROVIDERS),
    session_options=make_optional(SESSION_OPTIONS),
    limits=make_optional(LIMITS),
)
def open_session(
    path: str | os.PathLike[str],
    *,
    providers: Sequence[Provider] | None = None,
    session_options: SessionOptions | None = None,
    limits: Limits | None = None,
    start: Start | None = None,
    sparse: Sparse = "off",
) -> Session:
    """Start onnxruntime on the model in an artifact, decoded in memory, or on an ONNX model.

    The SHA-256 of the artifact is checked, and the CRC-32 of each decoded stream. No file is
    written. The artifact must stay in its place until the session has started.

    Args:
        path: The artifact, or an ONNX model.
        providers: Execution providers in order of preference; each must be in use by the session.
            By default all are tried, the CPU last, and those that cannot be loaded are skipped.
        session_options: Options of this session, to which the weights are added, so that they
            serve no other one.
        limits: Reader limits, if not the default.
        start: By default ``optimised``, or ``instant`` on the CPU for weights of 1 GB or more.
            For artifacts only.
        sparse: With ``auto``, layers with sparse weights run on sparse kernels where that is
            faster: see ``sparse_session_options``. The session then runs on the CPU. Where sparse
            kernels cannot run, it runs densely.

    Returns:
        The ``onnxruntime.InferenceSession``.

    Raises:
        UsageError: If onnxruntime is missing, a provider cannot be used, or an argument is wrong.
        RefusedError: If the artifact is damaged, or onnxruntime refuses the model.
    """
    return _open(os.fsdecode(path), providers, session_options, limits, start, sparse)


def _open(
    path: str,
    providers: Sequence[Provider] | None,
    options: SessionOptions | None,
    limits: Limits | None,
    start: Start | None,
    sparse: Sparse,
) -> Session:
    is_model = Path(path).suffix == ".onnx" and not is_artifact(Path(path))
    _check_start(start, "" if is_model else sparse, path)
    check_choice("value of `sparse`", sparse, get_args(Sparse))
    ort = _import_onnxruntime()
    available = [name for name in ort.get_available_providers() if name != PROVIDER]
    requested = choose_providers(providers, available)
    if sparse != "off":
        requested = require_cpu(providers)
        options = options or ort.SessionOptions()
    with _reserve(options, is_changed=sparse != "off" or not is_model):
        if (
            options
            and sparse != "off"
            and add_sparse_provider(ort, options, sparse, describes=True)
        ):
            open_path = _open_sparse_model if is_model else _open_sparse_artifact
            return open_path(ort, path, options, limits)
        if is_model:
            start_on = _prepare_model(ort, path, options)
        else:
            with Artifact.open(path, limits) as artifact:
                launch = Launch(ort, extract_model(artifact).decode(), path, start)
            start_on = _prepare_launch(launch, options, requested)
        session = _start_first_possible(start_on, requested, may_skip=providers is None)
    if providers is not None:
        check_used_providers(requested, session.get_providers())
    if sparse != "off":  # sparse kernels cannot run here
        cast("PassesSession", session).samples_per_pass = None
    return session


def _reserve(options: SessionOptions | None, *, is_changed: bool) -> AbstractContextManager[None]:
    """Refuse options that served another session; those that are changed serve this one only."""
    if options and is_changed:
        return claim_options(options)
    if options:
        refuse_used(options)
    return nullcontext()


def _open_sparse_artifact(
    ort: OrtModule, path: str, options: SessionOptions, limits: Limits | None
) -> Session:
    with Artifact.open(path, limits) as artifact:
        model = extract_model(artifact)
        return start_sparse(ort, model, path, options, collect_all(model))


def _open_sparse_model(
    ort: OrtModule, path: str, options: SessionOptions, _: Limits | None
) -> Session:
    """Start on a plain model; onnxruntime reads the file itself if no weight is sparse."""
    held = {}
    with suppress(PrunepackError):
        model = extract_plain_model(path)
        held = collect_all(model)
    if held:
        return start_sparse(ort, model, path, options, held)
    return start_session(ort, path, path, options, [], create=define_session(ort))


def _check_start(start: str | None, sparse: str, path: str) -> None:
    """Refuse an unknown start, and one that ``sparse`` or a plain model (empty) rules out."""
    if start is not None:
        check_choice("way to start a session", start, get_args(Start))
    if start is not None and not sparse:
        raise UsageError(
            f"`{path}` is not an artifact, and `start` is for artifacts only",
            hint="Omit `start`, or pack the model",
        )
    if start == "instant" and sparse != "off":
        raise UsageError(
            "sparse kernels need an optimised graph",
            expected="start='optimised'",
            found="start='instant'",
            hint='Omit `start`, or choose sparse="off"',
        )


def _import_onnxruntime() -> OrtModule:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            f"onnxruntime cannot be imported ({error})", hint="Install `prunepack[runtime]`"
        ) from error
    return cast("OrtModule", onnxruntime)


def _prepare_model(ort: OrtModule, path: str, options: SessionOptions | None) -> StartOn:
    given = options or ort.SessionOptions()
    return lambda providers: start_session(ort, path, path, given, providers)


def _prepare_launch(
    launch: Launch, options: SessionOptions | None, requested: Sequence[Provider]
) -> StartOn:
    prepared = launch.prepare(options, requested) if options else None
    return lambda providers: launch.start(prepared or launch.prepare(None, providers), providers)


def _start_first_possible(
    start_on: StartOn, requested: Sequence[Provider], *, may_skip: bool
) -> Session:
    """Start on the providers, or if allowed on the first part of the list that can be loaded."""
    attempts = [requested[skip:] for skip in range(len(requested) if may_skip else 1)] or [()]
    *others, last = attempts
    for providers in others:
        with suppress(RefusedError):
            return start_on(providers)
    return start_on(last)
