"""From an artifact to a running onnxruntime session, with no file in between."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypeAlias, get_args

from prunepack.errors import RefusedError, UsageError
from prunepack.reading.artifact import Artifact
from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.runtime.ort_weights import decode, give_copies, prepare, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    import onnxruntime

    from prunepack.format.limits import Limits
    from prunepack.runtime.ort_weights import DecodedModel

    Provider = str | tuple[str, Mapping[str, Any]]

__all__ = ["Start", "open_session"]

CPU = "CPUExecutionProvider"

Start: TypeAlias = Literal["optimised", "instant"]
"""How a session starts; see :func:`open_session`."""


def open_session(
    path: str | os.PathLike[str],
    *,
    providers: Sequence[Provider] | None = None,
    session_options: onnxruntime.SessionOptions | None = None,
    limits: Limits | None = None,
    start: Start = "optimised",
) -> onnxruntime.InferenceSession:
    """Start onnxruntime on the model in an artifact, decoded in memory.

    The SHA-256 of the artifact is checked, and the CRC-32 of each stream that is decoded; the
    graph goes to onnxruntime without its large weights, and those as the arrays that they were
    decoded into. No file is written. The artifact stays where it is until the session has started.

    ``start="optimised"`` optimises the graph and lays out the weights as inference is fastest, as
    onnxruntime does with the ``.onnx`` file, and the outputs are the same bit for bit; weights are
    copied as it does so, but for the tables of embeddings.
    ``start="instant"`` optimises nothing, whatever the options say: on the CPU onnxruntime then
    works on the decoded arrays themselves, so that a session starts in milliseconds and holds its
    weights once, but each inference takes longer; outputs may differ by rounding. For the
    shortest wait until the first result, or for models that hardly fit.

    Args:
        path: The artifact.
        providers: Execution providers in order of preference, as onnxruntime takes them; each of
            them must end up in the session. By default all that onnxruntime reports, in its order,
            the CPU last, and those that the machine turns out to lack are skipped.
        session_options: Options of the session, and of no other: the weights are added to them.
        limits: What the reader may hold, if not the default.
        start: Whether to have fast inference or a fast start.

    Raises:
        UsageError: If onnxruntime is missing, ``start`` is unknown, a provider is unknown or not
            usable here, or the options are those of another session.
        RefusedError: If the artifact is damaged, or onnxruntime refuses the model.
    """
    _check_start(start)
    ort = _import_onnxruntime()
    asked = _check_providers(providers, ort.get_available_providers())
    with Artifact.open(path, limits) as artifact:
        model = decode(artifact)
    attempts = [asked[skipped:] for skipped in range(len(asked) if providers is None else 1)]
    launch = _Launch(ort, model, os.fspath(path), start)
    session = _start_on_first(launch, session_options, attempts)
    if providers is not None:
        _check_used(asked, session.get_providers())
    return session


def _check_start(start: str) -> None:
    if start not in get_args(Start):
        raise UsageError(
            "unknown way to start a session",
            expected=" or ".join(map(repr, get_args(Start))),
            found=repr(start),
        )


def _import_onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            f"onnxruntime cannot be imported ({error})", hint="Install prunepack[runtime]"
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
            hint="Choose one of these, or install the onnxruntime that has it",
        )
    return asked


def _name(provider: Provider) -> str:
    return provider if isinstance(provider, str) else provider[0]


def _start_on_first(
    launch: _Launch,
    given: onnxruntime.SessionOptions | None,
    attempts: Sequence[Sequence[Provider]],
) -> onnxruntime.InferenceSession:
    """Start on the first of several lists of providers that the machine can load."""
    prepared = launch.prepare(given, attempts[0]) if given else None
    *others, last = attempts
    for providers in others:
        with suppress(RefusedError):
            return launch.start(prepared or launch.prepare(None, providers), providers)
    return launch.start(prepared or launch.prepare(None, last), last)


class _Prepared(NamedTuple):
    """Options that have the weights, and those weights that a session will share."""

    options: onnxruntime.SessionOptions
    shared: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Launch:
    """What all attempts to start have in common."""

    ort: ModuleType
    model: DecodedModel
    path: str
    mode: Start

    def prepare(
        self, given: onnxruntime.SessionOptions | None, providers: Sequence[Provider]
    ) -> _Prepared:
        """Add the weights to the options."""
        options = given or self.ort.SessionOptions()
        if self.mode == "instant":
            options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.add_session_config_entry("session.disable_prepacking", "1")
        tables, others = (
            self.model.values(self.ort, arrays) for arrays in (self.model.tables, self.model.others)
        )
        if any(_name(provider) != CPU for provider in providers):
            shared, copied = {}, tables | others
        elif self.mode == "instant":
            shared, copied = tables | others, {}
        else:
            shared, copied = tables, others
        prepare(options, self.model)
        share(options, shared)
        give_copies(options, copied)
        return _Prepared(options, shared)

    def start(
        self, prepared: _Prepared, providers: Sequence[Provider]
    ) -> onnxruntime.InferenceSession:
        """Start; if weights that are shared stand in the way, let onnxruntime read them, too."""
        if prepared.shared and self.mode == "optimised":
            with suppress(RefusedError):
                return self._start(prepared, providers)
            give_copies(prepared.options, prepared.shared)
        return self._start(prepared, providers)

    def _start(
        self, prepared: _Prepared, providers: Sequence[Provider]
    ) -> onnxruntime.InferenceSession:
        graph = self.model.graph.model
        try:  # without onnxruntime's own fall-back, which prints to stdout and goes on with the CPU
            session = self.ort.InferenceSession(
                graph, prepared.options, providers=list(providers), enable_fallback=0
            )
        except collect_ort_errors(self.ort) as error:
            raise RefusedError(
                f"onnxruntime cannot start on the model in {self.path} ({error})",
                hint="Check the model and the providers with onnxruntime itself",
            ) from error
        session.shared_weights = prepared.shared
        session.set_providers = _refuse_other_providers
        return session


def _refuse_other_providers(*_: object, **__: object) -> NoReturn:
    """Stand in for ``set_providers``, which would start anew from weights that are gone."""
    raise UsageError(
        "the providers of a session from an artifact cannot be changed",
        hint="Call open_session again with other providers",
    )


def _check_used(asked: Sequence[Provider], used: Sequence[str]) -> None:
    if missing := [name for name in map(_name, asked) if name not in used]:
        raise UsageError(
            f"provider {', '.join(missing)} cannot be used on this machine",
            expected=", ".join(map(_name, asked)),
            found=", ".join(used),
            hint="Install what the provider needs, or ask for another",
        )
