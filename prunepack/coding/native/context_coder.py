"""Arithmetic coding of symbols with chances learned from their contexts.

The model is in :mod:`prunepack.coding.native.context_model`. All arithmetic is on integers, so that
every machine gets the same bits.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.native import native
from prunepack.coding.native.arithmetic_coder import BitDecoder, BitEncoder
from prunepack.coding.native.context_model import ContextModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.coding.geometry import ElementSpan

__all__ = ["decode", "decode_in_python", "encode", "encode_in_python", "is_compiled"]

SLOW_ITEMS = 2**15
"""Items that take Python seconds."""


def is_compiled() -> bool:
    """Return whether the compiled extension is installed; Python takes 100 times as long."""
    return native is not None


def encode(symbols: Array, spans: Sequence[ElementSpan], top: int, level_shift: int) -> bytes:
    """Encode ``symbols``.

    Args:
        symbols: 0 for a zero, else 1 + (sign << ``top`` | top bits of the magnitude) (1-D,
            ``uint16``, one per item of the spans).
        spans: Element spans, all of them with items.
        top: Number of encoded bits of a magnitude, from 1 to 12.
        level_shift: Number of their low bits that are not part of a context.
    """
    if native is None:
        _warn_if_slow(symbols.size)
        return encode_in_python(symbols, spans, top, level_shift)
    code = np.empty(2 * symbols.nbytes + 64, np.uint8)
    used = native.encode(symbols.copy(), _to_table(spans), code, top, level_shift)
    return code[:used].tobytes()


def decode(
    code: Array, spans: Sequence[ElementSpan], top: int, level_shift: int
) -> tuple[Array, int]:
    """Undo :func:`encode`.

    Returns:
        The symbols (1-D, ``uint16``), and the number of bytes that they took. The number exceeds
        the size of ``code`` if the code ended early; then the last symbols are meaningless.
    """
    if native is None:
        _warn_if_slow(sum(span.size for span in spans))
        return decode_in_python(code, spans, top, level_shift)
    symbols = np.zeros(sum(span.size for span in spans), np.uint16)
    return symbols, native.decode(symbols, _to_table(spans), code, top, level_shift)


def encode_in_python(
    symbols: Array, spans: Sequence[ElementSpan], top: int, level_shift: int
) -> bytes:
    """Do the same as :func:`encode`, slowly."""
    encoder = BitEncoder()
    model = ContextModel(encoder, top, level_shift)
    at = 0
    for span in spans:
        model.code_span(span, symbols[at : at + span.size].tolist())
        at += span.size
    return encoder.finish()


def decode_in_python(
    code: Array, spans: Sequence[ElementSpan], top: int, level_shift: int
) -> tuple[Array, int]:
    """Do the same as :func:`decode`, slowly."""
    decoder = BitDecoder(code.tobytes())
    model = ContextModel(decoder, top, level_shift)
    symbols = [symbol for span in spans for symbol in model.code_span(span, [0] * span.size)]
    return np.array(symbols, np.uint16), decoder.at


def _warn_if_slow(items: int) -> None:
    if items >= SLOW_ITEMS:
        _warn_once()


@cache
def _warn_once() -> None:
    logging.getLogger("prunepack").warning(
        "the codec `contexts`, which the level `max` uses, is slow without the compiled extension: "
        "install prunepack from a wheel, or where there is a C compiler"
    )


def _to_table(spans: Iterable[ElementSpan]) -> Array:
    return np.array([tuple(span) for span in spans], np.int64)
