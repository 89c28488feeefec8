"""Arithmetic coding of symbols whose chances are learned from what is around them.

Each bit is predicted by a few counters, each of which has seen the bits that came in one context
(the row, the column, the neighbours, ...); a small online logistic regression mixes their opinions
(Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", 2005), and a binary
arithmetic coder spends minus the logarithm of the mixed chance. All arithmetic is on integers, so
that every machine gets the same bits. Pruned convolutions gain most: where a kernel kept a weight
it kept its neighbours, with the same sign.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.native import native

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.coding.geometry import Run

__all__ = ["decode", "decode_in_python", "encode", "encode_in_python"]

KNOTS = (
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743),
    *(32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269),
    *(65374, 65438, 65476, 65500, 65514),
)
"""65536 / (1 + exp(-x)) for x from -8 to 8 in steps of a half, rounded."""

LIMIT, LONG_LIMIT = 255, 1023
RATE = 6
EVEN, FRESH = 20_000, 1 << 31


class _Place(NamedTuple):
    """Where an element is: in the run's history, in its tensor's rows."""

    at: int
    line: int
    column: int
    run: Run


def encode(symbols: Array, runs: Sequence[Run], top: int, level_shift: int) -> bytes:
    """Code ``symbols``.

    Args:
        symbols: 0 for a zero, else 1 + (sign << ``top`` | top bits of the magnitude) (1-D,
            ``uint16``, as many as the runs have elements).
        runs: What the elements are; none is empty.
        top: Bits of a magnitude that are coded, from 1 to 12.
        level_shift: How many low bits of these do not say how large a neighbour is.
    """
    if native is None:
        return encode_in_python(symbols, runs, top, level_shift)
    code = np.empty(2 * symbols.nbytes + 64, np.uint8)
    used: int = native.encode(symbols.copy(), _table(runs), code, top, level_shift)
    return code[:used].tobytes()


def decode(code: Array, runs: Sequence[Run], top: int, level_shift: int) -> tuple[Array, int]:
    """Undo :func:`encode`.

    Returns:
        The symbols (1-D, ``uint16``), and the number of bytes of ``code`` that they took; more
        than there are if it ended early, and then the last symbols mean nothing.
    """
    if native is None:
        return decode_in_python(code, runs, top, level_shift)
    symbols = np.zeros(sum(run.size for run in runs), np.uint16)
    return symbols, native.decode(symbols, _table(runs), code, top, level_shift)


def encode_in_python(symbols: Array, runs: Sequence[Run], top: int, level_shift: int) -> bytes:
    """Do what :func:`encode` does, slowly."""
    coder = _Writer()
    model = _Model(coder, top, level_shift)
    at = 0
    for run in runs:
        model.code_run(run, symbols[at : at + run.size].tolist())
        at += run.size
    return coder.finish()


def decode_in_python(
    code: Array, runs: Sequence[Run], top: int, level_shift: int
) -> tuple[Array, int]:
    """Do what :func:`decode` does, slowly."""
    coder = _Reader(code.tobytes())
    model = _Model(coder, top, level_shift)
    symbols = [symbol for run in runs for symbol in model.code_run(run, [0] * run.size)]
    return np.array(symbols, np.uint16), coder.at


def _table(runs: Iterable[Run]) -> Array:
    return np.array([tuple(run) for run in runs], np.int64)


@cache
def _squashed() -> list[int]:
    at = [(x >> 7, x & 127) for x in range(4096)]
    return [(KNOTS[k] * (128 - part) + KNOTS[k + 1] * part) >> 7 for k, part in at]


@cache
def _stretched() -> list[int]:
    """Invert: for each chance of 12 bits, the first x that reaches it."""
    table, x = [], 0
    for chance in range(4096):
        while x < 4095 and _squashed()[x] >> 4 < chance:
            x += 1
        table.append(x - 2048)
    return table


class _Writer:
    """Codes bits into bytes: an interval of 32 bits, cut in two by each bit's chance."""

    def __init__(self) -> None:
        self._low, self._high = 0, 2**32 - 1
        self._out = bytearray()

    def code(self, bit: int, one: int) -> int:
        """Code ``bit``, which is 1 with the chance ``one`` / 65536."""
        middle = self._low + ((self._high - self._low) * one >> 16)
        self._low, self._high = (self._low, middle) if bit else (middle + 1, self._high)
        while not (self._low ^ self._high) >> 24:
            self._out.append(self._high >> 24)
            self._low = self._low << 8 & 2**32 - 1
            self._high = self._high << 8 & 2**32 - 1 | 255
        return bit

    def finish(self) -> bytes:
        """Return everything, with as much of the interval as a reader needs."""
        return bytes(self._out) + self._low.to_bytes(4, "big")


class _Reader:
    """Follows a writer; ``at`` counts the bytes, zeros behind the last one included."""

    def __init__(self, data: bytes) -> None:
        self._low, self._high = 0, 2**32 - 1
        self._data, self.at, self._code = data, 0, 0
        for _ in range(4):
            self._shift()

    def _shift(self) -> None:
        byte = self._data[self.at] if self.at < len(self._data) else 0
        self._code = self._code << 8 & 2**32 - 1 | byte
        self.at += 1

    def code(self, bit: int, one: int) -> int:
        """Return the next bit; ``bit`` is not looked at."""
        middle = self._low + ((self._high - self._low) * one >> 16)
        bit = int(self._code <= middle)
        self._low, self._high = (self._low, middle) if bit else (middle + 1, self._high)
        while not (self._low ^ self._high) >> 24:
            self._shift()
            self._low = self._low << 8 & 2**32 - 1
            self._high = self._high << 8 & 2**32 - 1 | 255
        return bit


class _Model:
    """Codes runs; counters and weights start even, and learn from every bit."""

    def __init__(self, coder: _Writer | _Reader, top: int, level_shift: int) -> None:
        self._coder = coder
        self._squashed, self._stretched = _squashed(), _stretched()
        self._top, self._level_shift = top, level_shift
        self._counters: defaultdict[Hashable, int] = defaultdict(lambda: FRESH)
        self._weights: defaultdict[Hashable, list[int]] = defaultdict(lambda: [EVEN] * 5)
        self._run = 0

    def code_run(self, run: Run, symbols: list[int]) -> list[int]:
        """Code the symbols of ``run``; return them."""
        self._run += 1
        lead = 2 * run.row + 4
        signs, levels = [0] * (lead + run.size), [0] * (lead + run.size)
        history = 0
        for index, symbol in enumerate(symbols):
            line, column = divmod(run.start % run.row + index, run.row)
            place = _Place(lead + index, line, column, run)
            bit = self._code_mask(int(symbol > 0), signs, history, place)
            history = history << 1 & 0xFFFF | bit
            if bit:
                sign, top = divmod(max(symbol - 1, 0), 1 << self._top)
                sign = self._code_sign(sign, signs, place)
                top = self._code_top(top, levels, history, place)
                signs[lead + index] = 1 + sign
                levels[lead + index] = 8 | top >> self._level_shift & 7
                symbols[index] = 1 + (sign << self._top | top)
        return symbols

    def _code_mask(self, bit: int, signs: list[int], history: int, place: _Place) -> int:
        """Code whether an element is nonzero."""
        at, line, column, run = place
        row = run.row
        left, above = signs[at - 1] > 0, signs[at - row] > 0
        before = column >= run.kernel and signs[at - run.kernel] > 0
        beyond = row > 1 and signs[at + 1 - row] > 0
        near = (left, signs[at - 2] > 0, signs[at - 3] > 0, above, signs[at - row - 1] > 0, beyond)
        contexts: list[Hashable] = [
            ("row", self._run, line),
            ("column", self._run, column),
            ("past", history & 0xFFF),
            ("around", *near, signs[at - 2 * row] > 0, before),
        ]
        if run.kernel > 1:
            contexts.append(("filter", self._run, line, column // run.kernel))
        return self._mix(bit, contexts, ("mask", left, above, before), LIMIT)

    def _code_sign(self, bit: int, signs: list[int], place: _Place) -> int:
        """Code whether a nonzero element is negative."""
        at, line, column, run = place
        left, group = signs[at - 1], column // run.kernel if run.kernel > 1 else 0
        contexts: list[Hashable] = [
            ("signs", *signs[at - 4 : at]),
            ("sign by filter", self._run, line, group, left),
            ("sign by column", self._run, column, left),
        ]
        return self._mix(bit, contexts, ("sign", left > 0, signs[at - run.row] > 0), LIMIT)

    def _code_top(self, top: int, levels: list[int], history: int, place: _Place) -> int:
        """Code the top bits of a magnitude, from the highest down."""
        at, _, column, run = place
        crowd = (history & 0x7FFF).bit_count()
        before = levels[at - run.kernel] if column >= run.kernel else 0
        node = 1
        for index in reversed(range(self._top)):
            contexts = [
                ("crowd", node, crowd),
                ("left", node, levels[at - 1], levels[at - 2]),
                ("above", node, levels[at - run.row], before),
            ]
            bit = self._mix(top >> index & 1, contexts, ("top", index), LONG_LIMIT)
            node = node << 1 | bit
        return node - (1 << self._top)

    def _mix(self, bit: int, contexts: Sequence[Hashable], kind: Hashable, limit: int) -> int:
        """Code a bit by the mixed opinions of the counters of ``contexts``; all of them learn."""
        counters, weights = self._counters, self._weights[kind]
        inputs = [self._stretched[counters[context] >> 20] for context in contexts]
        total = sum(weight * x for weight, x in zip(weights, inputs, strict=False)) >> 16
        one = self._squashed[min(max(total, -2048), 2047) + 2048]
        bit = self._coder.code(bit, one)
        error = ((bit << 16) - one) * RATE
        for index, (context, x) in enumerate(zip(contexts, inputs, strict=True)):
            weights[index] += (x * error + (1 << 19)) >> 20
            counters[context] = _learned(counters[context], bit, limit)
        return bit


def _learned(counter: int, bit: int, limit: int) -> int:
    """Move a counter (a chance of 22 bits, how often it was moved in 10) towards ``bit``."""
    chance, seen = counter >> 10, counter & 1023
    chance += ((2**22 - 1 if bit else 0) - chance) * (131072 // (2 * seen + 3)) >> 16
    return chance << 10 | min(seen + 1, limit)
