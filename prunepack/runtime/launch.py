"""Start of an onnxruntime session on a decoded model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn, TypeAlias, cast

from prunepack.errors import RefusedError, UsageError
from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.runtime.ort_providers import CPU, name_provider
from prunepack.runtime.ort_weights import add_external_files, copy_weights, share_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prunepack.runtime.ort_types import (
        ArtifactSession,
        OrtModule,
        OrtValue,
        Provider,
        Session,
        SessionOptions,
    )
from prunepack.runtime.ort_weights import DecodedModel

__all__ = ["Launch", "Start", "start_session"]


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

LARGE_BYTES = 10**9
"""Weights from this size on start as ``instant`` on the CPU, unless the caller chooses: while an
``optimised`` session starts, they are in memory twice."""


class PreparedOptions(NamedTuple):
    """Options that have the weights, the weights that a session will share, and its start mode."""

    options: SessionOptions
    shared: Mapping[str, OrtValue]
    mode: Start


@dataclass(frozen=True, slots=True)
class Launch:
    """A decoded model and a start mode, if one is chosen: the common part of all attempts.

    ``create`` makes the session; by default ``InferenceSession`` does.
    """

    ort: OrtModule
    model: DecodedModel
    path: str
    mode: Start | None
    create: Callable[..., Session] | None = None

    def prepare(
        self, options: SessionOptions | None, providers: Sequence[Provider]
    ) -> PreparedOptions:
        """Add the weights to the options."""
        options = options or self.ort.SessionOptions()
        on_cpu = all(name_provider(provider) == CPU for provider in providers)
        mode = self.mode or self._choose_mode(on_cpu)
        if mode == "instant":
            options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.add_session_config_entry("session.disable_prepacking", "1")
        tables, others = (
            self.model.make_values(self.ort, arrays)
            for arrays in (self.model.tables, self.model.others)
        )
        if not on_cpu:
            shared, copied = {}, tables | others
        elif mode == "instant":
            shared, copied = tables | others, {}
        else:
            shared, copied = tables, others
        add_external_files(options, self.model)
        share_weights(options, shared)
        copy_weights(options, copied)
        return PreparedOptions(options, shared, mode)

    def _choose_mode(self, on_cpu: bool) -> Start:
        """Return the mode that suits the size of the weights, and log another than usual."""
        size = self.model.nbytes
        if not on_cpu or size < LARGE_BYTES:
            return "optimised"
        import logging  # takes as long to load as a small model

        logging.getLogger("prunepack").warning(
            '%s: the session starts as "instant", because the weights have %.1f GB; with '
            'start="optimised" inference is faster, and the start takes twice this memory',
            self.path,
            size / 1e9,
        )
        return "instant"

    def start(self, prepared: PreparedOptions, providers: Sequence[Provider]) -> Session:
        """Start a session; if sharing weights prevents that, let onnxruntime copy them too."""
        if prepared.shared and prepared.mode == "optimised":
            with suppress(RefusedError):
                return self.start_once(prepared, providers)
            copy_weights(prepared.options, prepared.shared)
        return self.start_once(prepared, providers)

    def start_once(self, prepared: PreparedOptions, providers: Sequence[Provider]) -> Session:
        """Start a session, or refuse the model."""
        graph = self.model.graph.model
        session = start_session(
            self.ort, graph, self.path, prepared.options, providers, create=self.create
        )
        artifact_session = cast("ArtifactSession", session)
        artifact_session.shared_weights = prepared.shared
        artifact_session.set_providers = _refuse_other_providers
        return session


def start_session(
    ort: OrtModule,
    model: str | bytes,
    path: str,
    options: SessionOptions,
    providers: Sequence[Provider],
    *,
    create: Callable[..., Session] | None = None,
) -> Session:
    """Start a session; without providers, on those that the options have.

    ``create`` makes it, in place of ``InferenceSession``.

    Raises:
        RefusedError: If onnxruntime refuses the model.
    """
    given = list(providers) or None
    try:  # without onnxruntime's own fallback, which prints to stdout and goes on with the CPU
        create = create or ort.InferenceSession
        return create(model, options, providers=given, enable_fallback=0)
    except collect_ort_errors(ort) as error:
        raise RefusedError(
            f"onnxruntime cannot start on the model in `{path}` ({error})",
            hint="Check the model and the providers with onnxruntime itself",
        ) from error


def _refuse_other_providers(*_: object, **__: object) -> NoReturn:
    """Stand in for ``set_providers``, which would start again without the weights."""
    raise UsageError(
        "the providers of a session from an artifact cannot be changed",
        hint="Call open_session again with other providers",
    )
