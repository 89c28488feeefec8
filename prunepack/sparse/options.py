"""Options of a session that runs layers with sparse weights on sparse kernels."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from prunepack.arguments import check_arguments, make_optional
from prunepack.errors import UsageError
from prunepack.runtime.ort_types import SESSION_OPTIONS
from prunepack.sparse.library import PROVIDER, explain_absence, find_devices, warn_once
from prunepack.sparse.rates import encode_rates, load_rates

if TYPE_CHECKING:
    from prunepack.runtime.ort_types import OrtModule, SessionOptions

__all__ = ["Layers", "add_sparse_provider", "read_session_number", "sparse_session_options"]

Layers: TypeAlias = Literal["auto", "all"]
"""Layers that run on sparse kernels: ``auto``, those that gain by it; ``all``, whatever it costs,
which serves tests and measurements."""

KEY = f"ep.{PROVIDER.lower()}."
"""Prefix that onnxruntime gives to the options of the provider."""

_numbers = itertools.count(1)


@check_arguments(session_options=make_optional(SESSION_OPTIONS))
def sparse_session_options(
    session_options: SessionOptions | None = None, *, layers: Layers = "auto"
) -> SessionOptions:
    """Return options for an ``onnxruntime.InferenceSession`` that uses sparse kernels.

    Convolutions, ``Gemm`` and ``MatMul`` with constant float32 weights run on sparse kernels where
    that is faster, together with the bias, the residual ``Add`` and the activation after them. The
    outputs differ from those of a dense session by rounding, and a zero weight times an infinite
    or undefined activation counts as zero. They do not depend on the number of threads.

    Create the session without ``providers``. Where sparse kernels cannot run, the options stay as
    they are, and the logger ``prunepack`` says why, once.

    Args:
        session_options: Options to add to; new ones by default. Set ``intra_op_num_threads``
            before.
        layers: ``auto`` for the layers that gain; ``all`` for every layer that can.

    Raises:
        UsageError: If onnxruntime is missing, or ``layers`` is unknown.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            f"onnxruntime cannot be imported ({error})", hint="Install `prunepack[runtime]`"
        ) from error
    ort = cast("OrtModule", onnxruntime)
    options = session_options or ort.SessionOptions()
    add_sparse_provider(ort, options, layers)
    return options


def add_sparse_provider(ort: OrtModule, options: SessionOptions, layers: Layers) -> bool:
    """Add the provider to the options, if it can run here.

    Returns:
        Whether it was added.

    Raises:
        UsageError: If ``layers`` is unknown.
    """
    if layers not in get_args(Layers):
        raise UsageError(
            "unknown choice of sparse layers",
            expected=" or ".join(map(repr, get_args(Layers))),
            found=repr(layers),
            hint="Choose one of these",
        )
    if reason := explain_absence(ort):
        warn_once(reason)
        return False
    given = {"session": str(next(_numbers)), "layers": layers}
    if rates := load_rates(ort):
        given["rates"] = encode_rates(rates)
    if options.intra_op_num_threads > 0:
        given["threads"] = str(options.intra_op_num_threads)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.add_provider_for_devices(find_devices(ort), given)
    return True


def read_session_number(options: SessionOptions) -> int | None:
    """Return the number by which the provider knows a session; None if it has no provider."""
    with suppress(RuntimeError):  # there is no such entry
        return int(options.get_session_config_entry(f"{KEY}session"))
    return None
