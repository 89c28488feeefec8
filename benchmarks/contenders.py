"""The tools that ``prunepack`` is compared with in size, each at its best setting.

Some take a file, some an array of numbers. The latter get each tensor by itself, or as it is
where they would make it larger, and the rest of the model is added as zstd -19 makes it; names,
shapes and lengths of theirs count nothing.
"""

from __future__ import annotations

import lzma
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import zstandard

from benchmarks.onnx_tensors import OnnxFile, bits

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["CONTENDERS", "Contender", "bitmask_zstd", "pcodec_dense"]


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to make a model smaller.

    Attributes:
        size: Returns the bytes that are left of a model.
        tool: Returns the tool and its version; not every one is installed everywhere.
        takes: ``file`` or ``tensors``.
    """

    size: Callable[[OnnxFile], int]
    tool: Callable[[], str]
    takes: str


def _zstd(level: int) -> Callable[[bytes], bytes]:
    return lambda data: zstandard.ZstdCompressor(level=level).compress(data)


def _xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def bitmask_zstd(array: Array) -> bytes:
    """Pack a mask of nonzero elements, and put these behind it; both through zstd -19."""
    mask = bits(array) != 0
    return _zstd(19)(np.packbits(mask).tobytes()) + _zstd(19)(array[mask].tobytes())


def pcodec_dense(array: Array) -> bytes:
    """Compress all elements, zeros too, with pcodec at level 12."""
    from pcodec import ChunkConfig, standalone

    numbers = array.view(np.uint8) if array.dtype == np.bool_ else array
    config = ChunkConfig(compression_level=12, enable_8_bit=True)
    data: bytes = standalone.simple_compress(numbers, config)
    return data


def _zipnn(array: Array) -> bytes:
    """Compress with ZipNN as whichever type it makes smallest; it knows no integers."""
    from zipnn import ZipNN

    tried = [
        ZipNN(input_format="byte", bytearray_dtype=dtype, threads=1).compress(bytearray(array))
        for dtype in ("float32", "float16", "bfloat16")
    ]
    return min(map(bytes, tried), key=len)


def _of_file(compress: Callable[[bytes], bytes], tool: Callable[[], str]) -> Contender:
    return Contender(lambda file: len(compress(file.data)), tool, "file")


def _of_tensors(compress: Callable[[Array], bytes], tool: Callable[[], str]) -> Contender:
    def size(file: OnnxFile) -> int:
        tensors = sum(min(len(compress(array)), array.nbytes) for array in file.tensors)
        return tensors + len(_zstd(19)(file.rest))

    return Contender(size, tool, "tensors")


def _zstd_version() -> str:
    return "zstd " + ".".join(map(str, zstandard.ZSTD_VERSION))


def _xz_version() -> str:
    return f"liblzma of Python {platform.python_version()}"


def _package(name: str) -> Callable[[], str]:
    return lambda: f"{name} {version(name)}"


CONTENDERS = {
    "zstd -3": _of_file(_zstd(3), _zstd_version),
    "zstd -19": _of_file(_zstd(19), _zstd_version),
    "xz -9e": _of_file(_xz, _xz_version),
    "pcodec dense": _of_tensors(pcodec_dense, _package("pcodec")),
    "ZipNN": _of_tensors(_zipnn, _package("zipnn")),
    "bitmask + zstd -19": _of_tensors(bitmask_zstd, _zstd_version),
}
"""By the names in the tables."""
