"""Drafts of an artifact, one per level; the smallest is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from prunepack.format.container import encode_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.format.header import Header

__all__ = ["Alternatives", "Draft", "Place", "Scratch"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Place(NamedTuple):
    """A range of a scratch file."""

    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Alternatives(Generic[T]):
    """Encodings of one chunk, each by its description and the place of its bytes.

    Attributes:
        encodings: One per level, from the lowest to the highest.
    """

    encodings: tuple[tuple[T, Place], ...]

    def pick(self, rank: int) -> tuple[T, Place]:
        """Return the encoding of the level of this rank, or of the highest level."""
        return self.encodings[min(rank, len(self.encodings) - 1)]


class Encoded(Protocol[T_co]):
    """An encoded chunk: its description and its bytes."""

    @property
    def chunk(self) -> T_co: ...

    @property
    def data(self) -> bytes: ...


class Scratch:
    """Stored bytes in a file, to be read back in another order."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = 0

    def add(self, data: bytes) -> Place:
        """Append ``data``."""
        self._file.seek(self._end)
        self._file.write(data)
        self._end += len(data)
        return Place(self._end - len(data), len(data))

    def add_alternatives(self, encoded: Iterable[Encoded[T]]) -> Alternatives[T]:
        """Append the encodings of a chunk; one that several levels choose is stored once."""
        places: dict[int, Place] = {}
        encodings = []
        for one in encoded:
            if id(one.data) not in places:
                places[id(one.data)] = self.add(one.data)
            encodings.append((one.chunk, places[id(one.data)]))
        return Alternatives(tuple(encodings))

    def read(self, places: Iterable[Place]) -> Iterator[bytes]:
        """Yield the bytes of each place."""
        for place in places:
            self._file.seek(place.start)
            yield self._file.read(place.size)


class Draft(NamedTuple):
    """A whole artifact: its header, and the places of its payload in a scratch file."""

    header: Header
    places: tuple[Place, ...]

    def measure(self) -> int:
        """Return the bytes of the header and of the payload."""
        return len(encode_head(*self.header.to_bytes())) + sum(size for _, size in self.places)
