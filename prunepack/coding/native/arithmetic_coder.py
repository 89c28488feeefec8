"""Binary arithmetic coding: bits and their chances on one side, bytes on the other."""

from __future__ import annotations

__all__ = ["BitDecoder", "BitEncoder"]

MASK = 2**32 - 1


class BitEncoder:
    """Encodes bits: each bit divides an interval of 32-bit integers in the ratio of its chances."""

    def __init__(self) -> None:
        self._low, self._high = 0, MASK
        self._out = bytearray()

    def code(self, bit: int, chance: int) -> int:
        """Encode ``bit``, which is 1 with the probability ``chance`` / 65536."""
        middle = self._low + ((self._high - self._low) * chance >> 16)
        self._low, self._high = (self._low, middle) if bit else (middle + 1, self._high)
        while not (self._low ^ self._high) >> 24:
            self._out.append(self._high >> 24)
            self._low = self._low << 8 & MASK
            self._high = self._high << 8 & MASK | 255
        return bit

    def finish(self) -> bytes:
        """Return all bytes, with as many of the last interval as a decoder needs."""
        return bytes(self._out) + self._low.to_bytes(4, "big")


class BitDecoder:
    """Decodes bits; ``at`` counts the bytes that were read, zeros after the end included."""

    def __init__(self, data: bytes) -> None:
        self._low, self._high = 0, MASK
        self._data, self.at, self._code = data, 0, 0
        for _ in range(4):
            self._shift()

    def _shift(self) -> None:
        byte = self._data[self.at] if self.at < len(self._data) else 0
        self._code = self._code << 8 & MASK | byte
        self.at += 1

    def code(self, bit: int, chance: int) -> int:
        """Return the next bit; the argument ``bit`` is not used."""
        middle = self._low + ((self._high - self._low) * chance >> 16)
        bit = int(self._code <= middle)
        self._low, self._high = (self._low, middle) if bit else (middle + 1, self._high)
        while not (self._low ^ self._high) >> 24:
            self._shift()
            self._low = self._low << 8 & MASK
            self._high = self._high << 8 & MASK | 255
        return bit
