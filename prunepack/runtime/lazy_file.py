"""A packed file as it stands, of which no more is decoded than is asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from mmap import mmap
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunepack.reading.artifact import Artifact

__all__ = ["LazyFile"]

ANONYMOUS = -1


class LazyFile:
    """A packed file with holes where its stored tensors are.

    It lies in anonymous memory of the size of the file. A page of that costs nothing until
    something is written there, so that holes take room in the address space alone.

    Attributes:
        data: All of its bytes; zero where a stored tensor has not been decoded.
    """

    def __init__(self, artifact: Artifact, name: str) -> None:
        """Decode the literal bytes of a file and put them in their places.

        Raises:
            CorruptArtifactError: If they are damaged.
        """
        file = artifact.files[name]
        self.data = memoryview(mmap(ANONYMOUS, file.size) if file.size else b"")
        self._artifact = artifact
        self._spans: list[tuple[int, int, str]] = []  # in order, none of them empty
        self._decoded: set[str] = set()
        literals = memoryview(artifact.read_literals(name))
        at = taken = 0
        for segment in file.segments:
            start = at
            if isinstance(segment, str):
                at += artifact.tensors[segment].nbytes
                self._spans.append((start, at, segment))
            else:
                at += segment
                self.data[start:at] = literals[taken : taken + segment]
                taken += segment

    def tensor(self, start: int, stop: int) -> str | None:
        """Return the name of the stored tensor that is just this range, if there is one."""
        found = self._overlapping(start, stop)
        return found[0][2] if found and found[0][:2] == (start, stop) else None

    def read(self, start: int, stop: int) -> memoryview:
        """Return a range of the file; the stored tensors that it touches are decoded first.

        Raises:
            CorruptArtifactError: If one of them is damaged.
        """
        for at, _, name in self._overlapping(start, stop):
            if name not in self._decoded:
                self._decode(at, name)
        return self.data[start:stop]

    def _overlapping(self, start: int, stop: int) -> list[tuple[int, int, str]]:
        first = bisect_right(self._spans, start, key=itemgetter(1))
        return self._spans[first : bisect_left(self._spans, stop, key=itemgetter(0))]

    def _decode(self, at: int, name: str) -> None:
        for items in self._artifact.iter_tensor(name):
            self.data[at : at + items.nbytes] = items.data.cast("B")
            at += items.nbytes
        self._decoded.add(name)
