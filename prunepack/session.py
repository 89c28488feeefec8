"""An onnxruntime session on the model in an artifact, without a file in between."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Literal,
    NamedTuple,
    NoReturn,
    TypeAlias,
    cast,
    get_args,
)

from prunepack.errors import RefusedError, UsageError
from prunepack.reading.artifact import Artifact
from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.runtime.ort_weights import (
    add_external_files,
    copy_weights,
    decode_model,
    share_weights,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.format.limits import Limits
    from prunepack.runtime.ort_types import (
        ArtifactSession,
        OrtModule,
        OrtValue,
        Provider,
        Session,
        SessionOptions,
    )
    from prunepack.runtime.ort_weights import DecodedModel


__all__ = ["Start", "open_session"]

CPU = "CPUExecutionProvider"

Start: TypeAlias = Literal["optimised", "instant"]
"""Ways to start a session.

``optimised`` optimises the graph and the layout of the weights for fast inference, as onnxruntime
does with the ``.onnx`` file. The outputs are equal bit for bit. Weights are copied on the way,
except for the tables of embeddings.

``instant`` disables all optimisation, whatever the options say. On the CPU onnxruntime then uses
the decoded arrays in place: a session starts in milliseconds and holds its weights once, but each
inference takes longer, and outputs may differ by rounding. It suits the shortest time to the first
result, and models that barely fit into memory.
"""


def open_session(
    path: str | os.PathLike[str],
    *,
    providers: Sequence[Provider] | None = None,
    session_options: SessionOptions | None = None,
    limits: Limits | None = None,
    start: Start = "optimised",
) -> Session:
    """Start onnxruntime on the model in an artifact, decoded in memory.

    The SHA-256 of the artifact is checked, and the CRC-32 of each stream that is decoded. No file
    is written. The artifact must stay in its place until the session has started.

    Args:
        path: The artifact.
        providers: Execution providers in order of preference, as onnxruntime takes them. Each of
            them must be in use by the session. By default all providers of onnxruntime are tried,
            the CPU last, and those that the machine cannot load are skipped.
        session_options: Options for this session only: the weights are added to them.
        limits: Reader limits, if not the default.
        start: ``optimised`` for fast inference, or ``instant`` for a fast start and less memory.

    Returns:
        The ``onnxruntime.InferenceSession``.

    Raises:
        UsageError: If onnxruntime is missing, a provider cannot be used, or an argument is wrong.
        RefusedError: If the artifact is damaged, or onnxruntime refuses the model.
    """
    _check_start(start)
    ort = _import_onnxruntime()
    requested = _choose_providers(providers, ort.get_available_providers())
    with Artifact.open(path, limits) as artifact:
        model = decode_model(artifact)
    attempts = [requested[skip:] for skip in range(len(requested) if providers is None else 1)]
    launch = _Launch(ort, model, os.fspath(path), start)
    session = _start_first_possible(launch, session_options, attempts)
    if providers is not None:
        _check_used(requested, session.get_providers())
    return session


def _check_start(start: str) -> None:
    if start not in get_args(Start):
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


def _choose_providers(
    requested: Sequence[Provider] | None, available: Sequence[str]
) -> Sequence[Provider]:
    """Return the providers to request from onnxruntime; refuse those that it does not have."""
    if requested is None:
        return sorted(available, key=lambda name: name == CPU)
    if missing := [name for name in map(_name, requested) if name not in available]:
        raise UsageError(
            f"onnxruntime has no provider {', '.join(missing)}",
            expected=f"any of {', '.join(available)}",
            hint="Choose one of these, or install the onnxruntime that has it",
        )
    return requested


def _name(provider: Provider) -> str:
    return provider if isinstance(provider, str) else provider[0]


def _start_first_possible(
    launch: _Launch,
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


class _PreparedOptions(NamedTuple):
    """Options that have the weights, and the weights that a session will share."""

    options: SessionOptions
    shared: Mapping[str, OrtValue]


@dataclass(frozen=True, slots=True)
class _Launch:
    """The common part of all attempts to start."""

    ort: OrtModule
    model: DecodedModel
    path: str
    mode: Start

    def prepare(
        self, options: SessionOptions | None, providers: Sequence[Provider]
    ) -> _PreparedOptions:
        """Add the weights to the options."""
        options = options or self.ort.SessionOptions()
        if self.mode == "instant":
            options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.add_session_config_entry("session.disable_prepacking", "1")
        tables, others = (
            self.model.make_values(self.ort, arrays)
            for arrays in (self.model.tables, self.model.others)
        )
        if any(_name(provider) != CPU for provider in providers):
            shared, copied = {}, tables | others
        elif self.mode == "instant":
            shared, copied = tables | others, {}
        else:
            shared, copied = tables, others
        add_external_files(options, self.model)
        share_weights(options, shared)
        copy_weights(options, copied)
        return _PreparedOptions(options, shared)

    def start(self, prepared: _PreparedOptions, providers: Sequence[Provider]) -> Session:
        """Start a session; if sharing weights prevents that, let onnxruntime copy them too."""
        if prepared.shared and self.mode == "optimised":
            with suppress(RefusedError):
                return self._start(prepared, providers)
            copy_weights(prepared.options, prepared.shared)
        return self._start(prepared, providers)

    def _start(self, prepared: _PreparedOptions, providers: Sequence[Provider]) -> Session:
        graph = self.model.graph.model
        try:  # without onnxruntime's own fallback, which prints to stdout and goes on with the CPU
            session = self.ort.InferenceSession(
                graph, prepared.options, providers=list(providers), enable_fallback=0
            )
        except collect_ort_errors(self.ort) as error:
            raise RefusedError(
                f"onnxruntime cannot start on the model in `{self.path}` ({error})",
                hint="Check the model and the providers with onnxruntime itself",
            ) from error
        artifact_session = cast("ArtifactSession", session)
        artifact_session.shared_weights = prepared.shared
        artifact_session.set_providers = _refuse_other_providers
        return session


def _refuse_other_providers(*_: object, **__: object) -> NoReturn:
    """Stand in for ``set_providers``, which would start again without the weights."""
    raise UsageError(
        "the providers of a session from an artifact cannot be changed",
        hint="Call open_session again with other providers",
    )


def _check_used(requested: Sequence[Provider], used: Sequence[str]) -> None:
    if missing := [name for name in map(_name, requested) if name not in used]:
        raise UsageError(
            f"provider {', '.join(missing)} cannot be used on this machine",
            expected=", ".join(map(_name, requested)),
            found=", ".join(used),
            hint="Install the libraries of the provider, or choose another provider",
        )
