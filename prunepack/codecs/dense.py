"""The elements themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.codec import Codec, check_names
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.dtypes import Array, ArraySpec

__all__ = ["Dense"]


class Dense(Codec):
    """One stream ``elements``: what there is, as it is."""

    def encode(self, elements: Array) -> Mapping[str, Array]:
        """Return ``elements`` as the only stream."""
        return {"elements": elements}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require one stream of the chunk's own type and length."""
        check_names(streams, "elements")
        if streams["elements"] != whole:
            raise CorruptArtifactError(
                "stream elements is not as long and wide as the chunk",
                expected=f"{whole.count} x {whole.dtype}",
                found=f"{streams['elements'].count} x {streams['elements'].dtype}",
            )

    def decode(self, streams: Mapping[str, Array], out: Array) -> None:
        """Copy the stream."""
        out[:] = streams["elements"]
