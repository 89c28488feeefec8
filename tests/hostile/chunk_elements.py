"""Elements as codecs see them, for tests."""

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.codecs import CODECS
from prunepack.coding.dtypes import DTYPES
from prunepack.coding.geometry import Shapes


def make_chunk(elements, *shapes):
    """Return `elements` as the only chunk of a pool of tensors with these shapes, or of one."""
    whole = Shapes(shapes or [(elements.size,)], DTYPES[elements.dtype.name])
    return ChunkElements(elements, whole)


def decode(codec, streams, like):
    """Return what `streams` decode to: as many elements, and of the same type, as `like`."""
    chunk = make_chunk(np.zeros_like(like))
    CODECS[codec].decode(streams, chunk)
    return chunk.elements
