"""Contract of a compressor: a 1-D array on one side, bytes on the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import ClassVar

    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Compressor"]


class Compressor(ABC):
    """A lossless compressor of numbers; the name of its module is its id in the file.

    Attributes:
        has_quick_setting: Whether :meth:`encode` can be quick. If it cannot, only thorough levels
            run it.
    """

    has_quick_setting: ClassVar[bool] = True

    @abstractmethod
    def encode(self, array: Array, *, thorough: bool = False) -> bytes:
        """Compress ``array``.

        Args:
            array: 1-D, contiguous, not empty, of any stream dtype.
            thorough: Whether to take many times as long for the smallest result.
        """

    @abstractmethod
    def decode(self, stored: bytes, spec: ArraySpec) -> Array:
        """Undo :meth:`encode`; allocate no more than ``spec`` says.

        Raises:
            CorruptArtifactError: If ``stored`` is not, from its first byte to its last, the result
                of compressing an array of that type and length.
        """
