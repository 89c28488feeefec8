"""From an artifact to a running onnxruntime session, with no file in between."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError, UsageError
from prunepack.reader import Artifact

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    import onnxruntime

    from prunepack.limits import Limits

    Provider = str | tuple[str, Mapping[str, Any]]

__all__ = ["open_session"]

CPU = "CPUExecutionProvider"


def open_session(
    path: str | os.PathLike[str],
    *,
    providers: Sequence[Provider] | None = None,
    session_options: onnxruntime.SessionOptions | None = None,
    limits: Limits | None = None,
) -> onnxruntime.InferenceSession:
    """Start onnxruntime on the model in an artifact, decoded in memory.

    External data is handed over as whole files by
    ``SessionOptions.add_external_initializers_from_files_in_memory``: the bytes are those whose
    SHA-256 was checked, and onnxruntime finds each initializer by the location, offset and length
    that the model itself states. (``add_external_initializers`` works as well, but needs one array
    per initializer, those left literal included, and their element types in numpy.)

    Args:
        path: The artifact.
        providers: Execution providers in order of preference, as onnxruntime takes them; each of
            them must end up in the session. By default all that onnxruntime reports, in its order,
            the CPU last, and those that the machine turns out to lack are skipped.
        session_options: Options of the session; external data is added to them.
        limits: What the reader may hold, if not the default.

    Raises:
        UsageError: If onnxruntime is missing, or a provider is unknown or not usable here.
        RefusedError: If the artifact is damaged, or onnxruntime refuses the model.
    """
    ort = _import_onnxruntime()
    asked = _check_providers(providers, ort.get_available_providers())
    options = session_options or ort.SessionOptions()
    with Artifact.open(path, limits) as artifact:
        artifact.check_digest()
        model, *external = (artifact.read_file(name) for name in artifact.files)
        names = list(artifact.files)[1:]
    if names:
        options.add_external_initializers_from_files_in_memory(
            names, external, [len(data) for data in external]
        )
    if providers is None:
        return _start_on_any(ort, model, options, asked, str(path))
    session = _start(ort, model, options, asked, str(path))
    _check_used(asked, session.get_providers())
    return session


def _import_onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            f"onnxruntime cannot be imported ({error})", do="Install prunepack[runtime]"
        ) from error
    module: ModuleType = onnxruntime
    return module


def _check_providers(
    asked: Sequence[Provider] | None, available: Sequence[str]
) -> Sequence[Provider]:
    """Return what to ask onnxruntime for; refuse what it does not have."""
    if asked is None:
        return sorted(available, key=lambda name: name == CPU)
    if missing := [name for name in map(_name, asked) if name not in available]:
        raise UsageError(
            f"onnxruntime has no provider {', '.join(missing)}",
            expected=f"any of {', '.join(available)}",
            do="Choose one of these, or install the onnxruntime that has it",
        )
    return asked


def _name(provider: Provider) -> str:
    return provider if isinstance(provider, str) else provider[0]


def _start(
    ort: ModuleType,
    model: bytes,
    options: onnxruntime.SessionOptions,
    providers: Sequence[Provider],
    path: str,
) -> onnxruntime.InferenceSession:
    try:  # without onnxruntime's own fall-back, which prints to stdout and goes on with the CPU
        return ort.InferenceSession(model, options, providers=list(providers), enable_fallback=0)
    except _errors(ort) as error:
        raise RefusedError(
            f"onnxruntime cannot start on the model in {path} ({error})",
            do="Check the model and the providers with onnxruntime itself",
        ) from error


def _start_on_any(
    ort: ModuleType,
    model: bytes,
    options: onnxruntime.SessionOptions,
    providers: Sequence[Provider],
    path: str,
) -> onnxruntime.InferenceSession:
    """Start on all providers, or without the first ones if the machine cannot load those."""
    for skipped in range(len(providers) - 1):
        with suppress(RefusedError):
            return _start(ort, model, options, providers[skipped:], path)
    return _start(ort, model, options, providers[-1:], path)


def _errors(ort: ModuleType) -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises; its exceptions have no class in common."""
    own = vars(ort.capi.onnxruntime_pybind11_state).values()
    return RuntimeError, *(e for e in own if isinstance(e, type) and issubclass(e, Exception))


def _check_used(asked: Sequence[Provider], used: Sequence[str]) -> None:
    if missing := [name for name in map(_name, asked) if name not in used]:
        raise UsageError(
            f"provider {', '.join(missing)} cannot be used on this machine",
            expected=", ".join(map(_name, asked)),
            found=", ".join(used),
            do="Install what the provider needs, or ask for another",
        )
