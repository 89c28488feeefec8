"""Context model of masks, signs and magnitudes.

Each bit is predicted by a few counters. A counter has seen the bits of one context: the row, the
column, the neighbours and so on. A small online logistic regression mixes their predictions
(Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", 2005), and an
arithmetic coder spends minus the logarithm of the mixed chance. Pruned convolutions gain most: in a
kernel that keeps one weight, its neighbours are often kept too, with the same sign.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from prunepack.coding.geometry import ElementSpan
    from prunepack.coding.native.arithmetic_coder import BitDecoder, BitEncoder

__all__ = ["ContextModel"]

KNOTS = (
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743),
    *(32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269),
    *(65374, 65438, 65476, 65500, 65514),
)
"""65536 / (1 + exp(-x)) for x from -8 to 8 in steps of a half, rounded."""

MAX_SEEN, MAX_SEEN_TOP = 255, 1023
LEARNING_RATE = 6
INITIAL_WEIGHT, INITIAL_COUNTER = 20_000, 1 << 31


class _Place(NamedTuple):
    """Index of an element in the history of its span, and its line and column in the tensor."""

    at: int
    line: int
    column: int
    span: ElementSpan


class ContextModel:
    """Codes element spans; its counters and weights learn from each bit."""

    def __init__(self, coder: BitEncoder | BitDecoder, top: int, level_shift: int) -> None:
        self._coder = coder
        self._squash, self._stretch = _make_squash_table(), _make_stretch_table()
        self._top, self._level_shift = top, level_shift
        self._counters: defaultdict[Hashable, int] = defaultdict(lambda: INITIAL_COUNTER)
        self._weights: defaultdict[Hashable, list[int]] = defaultdict(lambda: [INITIAL_WEIGHT] * 5)
        self._span = 0

    def code_span(self, span: ElementSpan, symbols: list[int]) -> list[int]:
        """Code the symbols of ``span`` and return them."""
        self._span += 1
        lead = 2 * span.row + 4
        signs, levels = [0] * (lead + span.size), [0] * (lead + span.size)
        history = 0
        for index, symbol in enumerate(symbols):
            line, column = divmod(span.start % span.row + index, span.row)
            place = _Place(lead + index, line, column, span)
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
        at, line, column, span = place
        row = span.row
        left, above = signs[at - 1] > 0, signs[at - row] > 0
        before = column >= span.kernel_size and signs[at - span.kernel_size] > 0
        above_right = row > 1 and signs[at + 1 - row] > 0
        above_left = signs[at - row - 1] > 0
        near = (left, signs[at - 2] > 0, signs[at - 3] > 0, above, above_left, above_right)
        contexts: list[Hashable] = [
            ("row", self._span, line),
            ("column", self._span, column),
            ("past", history & 0xFFF),
            ("around", *near, signs[at - 2 * row] > 0, before),
        ]
        if span.kernel_size > 1:
            contexts.append(("filter", self._span, line, column // span.kernel_size))
        return self._mix(bit, contexts, ("mask", left, above, before), MAX_SEEN)

    def _code_sign(self, bit: int, signs: list[int], place: _Place) -> int:
        """Code whether a nonzero element is negative."""
        at, line, column, span = place
        left = signs[at - 1]
        group = column // span.kernel_size if span.kernel_size > 1 else 0
        contexts: list[Hashable] = [
            ("signs", *signs[at - 4 : at]),
            ("sign by filter", self._span, line, group, left),
            ("sign by column", self._span, column, left),
        ]
        return self._mix(bit, contexts, ("sign", left > 0, signs[at - span.row] > 0), MAX_SEEN)

    def _code_top(self, top: int, levels: list[int], history: int, place: _Place) -> int:
        """Code the top bits of a magnitude, from the highest down."""
        at, _, column, span = place
        crowd = (history & 0x7FFF).bit_count()
        before = levels[at - span.kernel_size] if column >= span.kernel_size else 0
        node = 1
        for index in reversed(range(self._top)):
            contexts = [
                ("crowd", node, crowd),
                ("left", node, levels[at - 1], levels[at - 2]),
                ("above", node, levels[at - span.row], before),
            ]
            bit = self._mix(top >> index & 1, contexts, ("top", index), MAX_SEEN_TOP)
            node = node << 1 | bit
        return node - (1 << self._top)

    def _mix(self, bit: int, contexts: Sequence[Hashable], kind: Hashable, max_seen: int) -> int:
        """Code a bit by the mixed chance of the counters of ``contexts``, which then learn it."""
        counters, weights = self._counters, self._weights[kind]
        inputs = [self._stretch[counters[context] >> 20] for context in contexts]
        total = sum(weight * x for weight, x in zip(weights, inputs, strict=False)) >> 16
        chance = self._squash[min(max(total, -2048), 2047) + 2048]
        bit = self._coder.code(bit, chance)
        error = ((bit << 16) - chance) * LEARNING_RATE
        for index, (context, x) in enumerate(zip(contexts, inputs, strict=True)):
            weights[index] += (x * error + (1 << 19)) >> 20
            counters[context] = _update_counter(counters[context], bit, max_seen)
        return bit


@cache
def _make_squash_table() -> list[int]:
    at = [(x >> 7, x & 127) for x in range(4096)]
    return [(KNOTS[k] * (128 - part) + KNOTS[k + 1] * part) >> 7 for k, part in at]


@cache
def _make_stretch_table() -> list[int]:
    """Invert the table of squash: for each chance of 12 bits, the first x that reaches it."""
    table, x = [], 0
    for chance in range(4096):
        while x < 4095 and _make_squash_table()[x] >> 4 < chance:
            x += 1
        table.append(x - 2048)
    return table


def _update_counter(counter: int, bit: int, max_seen: int) -> int:
    """Move a counter (a chance of 22 bits, the number of bits seen in 10) towards ``bit``."""
    chance, seen = counter >> 10, counter & 1023
    chance += ((2**22 - 1 if bit else 0) - chance) * (131072 // (2 * seen + 3)) >> 16
    return chance << 10 | min(seen + 1, max_seen)
