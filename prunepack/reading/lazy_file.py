"""A packed file in memory, with tensors that are decoded on access."""

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
    """A packed file with holes in place of its stored tensors.

    The file is in anonymous memory of its full size. A page of this memory costs nothing until it
    is written, so that the holes take address space only.

    Attributes:
        path: Its name in the artifact.
        size: Its bytes.
        data: All bytes of the file; zero where a stored tensor has not been decoded.
    """

    def __init__(self, artifact: Artifact, name: str) -> None:
        """Decode the literal bytes of a file and put them in their places.

        Raises:
            CorruptArtifactError: If they are damaged.
        """
        file = artifact.files[name]
        self.path, self.size = name, file.size
        self.data = memoryview(mmap(ANONYMOUS, file.size) if file.size else b"")
        self._artifact = artifact
        self._tensors: list[tuple[int, int, str]] = []  # start, stop and name, in order; none empty
        self._decoded: set[str] = set()
        literals = memoryview(artifact.read_literals(name))
        at = used = 0
        for segment in file.segments:
            start = at
            if isinstance(segment, str):
                at += artifact.tensors[segment].nbytes
                self._tensors.append((start, at, segment))
            else:
                at += segment
                self.data[start:at] = literals[used : used + segment]
                used += segment

    def find_tensor(self, start: int, stop: int) -> str | None:
        """Return the name of the stored tensor with exactly this range, or None."""
        tensors = self._find_overlapping(start, stop)
        return tensors[0][2] if tensors and tensors[0][:2] == (start, stop) else None

    def read(self, start: int, stop: int) -> memoryview:
        """Return a range of the file, after decoding the stored tensors in it.

        Raises:
            CorruptArtifactError: If one of them is damaged.
        """
        for at, _, name in self._find_overlapping(start, stop):
            if name not in self._decoded:
                self._decode(at, name)
        return self.data[start:stop]

    def _find_overlapping(self, start: int, stop: int) -> list[tuple[int, int, str]]:
        first = bisect_right(self._tensors, start, key=itemgetter(1))
        return self._tensors[first : bisect_left(self._tensors, stop, key=itemgetter(0))]

    def _decode(self, at: int, name: str) -> None:
        for items in self._artifact.iter_tensor(name):
            self.data[at : at + items.nbytes] = items.data.cast("B")
            at += items.nbytes
        self._decoded.add(name)
