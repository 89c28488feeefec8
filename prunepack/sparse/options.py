"""Options of a session that runs layers with sparse weights on sparse kernels."""

from __future__ import annotations

import itertools
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from prunepack.arguments import check_arguments, check_choice, make_optional
from prunepack.errors import UsageError
from prunepack.runtime.ort_types import SESSION_OPTIONS
from prunepack.runtime.used_options import read_entry, refuse_used
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

RECORD = "session.record_ep_graph_assignment_info"
"""Option of onnxruntime: tell which nodes run where."""

_numbers = itertools.count(1)
_lock = Lock()  # a library is registered once, and the rates are measured once


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
            before, and make new ones for each session.
        layers: ``auto`` for the layers that gain; ``all`` for every layer that can.

    Raises:
        UsageError: If onnxruntime is missing, ``layers`` is unknown, or the options served a
            session of ``open_session``.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            f"onnxruntime cannot be imported ({error})", hint="Install `prunepack[runtime]`"
        ) from error
    ort = cast("OrtModule", onnxruntime)
    options = session_options or ort.SessionOptions()
    refuse_used(options)
    add_sparse_provider(ort, options, layers)
    return options


def add_sparse_provider(
    ort: OrtModule, options: SessionOptions, layers: Layers, *, describes: bool = False
) -> bool:
    """Add the provider to the options, if it can run here; options that have it get new settings.

    Args:
        ort: The module ``onnxruntime``.
        options: The options.
        layers: Layers that run on sparse kernels.
        describes: Whether the provider keeps a description of the graph, which must be taken.

    Returns:
        Whether the options have it.

    Raises:
        UsageError: If ``layers`` is unknown.
    """
    check_choice("choice of sparse layers", layers, get_args(Layers))
    if reason := explain_absence(ort):
        warn_once(reason)
        return False
    with _lock:
        given = {"session": str(next(_numbers)), "layers": layers}
        if rates := load_rates(ort):
            given["rates"] = encode_rates(rates)
        given["threads"] = str(options.intra_op_num_threads)
        given["describe"] = str(int(describes))
        _set_entry(options, RECORD, "1")
        if read_session_number(options) is not None and options.has_providers():
            for key, value in given.items():
                _set_entry(options, KEY + key, value)
        else:
            options.add_provider_for_devices(find_devices(ort), given)
    return True


def _set_entry(options: SessionOptions, key: str, value: str) -> None:
    if read_entry(options, key) != value:  # onnxruntime warns of each entry that exists
        options.add_session_config_entry(key, value)


def read_session_number(options: SessionOptions) -> int | None:
    """Return the number by which the provider knows a session; None if it has no provider."""
    number = read_entry(options, f"{KEY}session")
    return None if number is None else int(number)
