"""Tools whose sizes are compared with those of ``prunepack``, each at its best setting.

Some take a file, some an array of numbers. The latter get each tensor by itself; a tensor that
they would enlarge counts uncompressed. The rest of the model is added after zstd -19. Their names,
shapes and lengths are not counted.
"""

from __future__ import annotations

import lzma
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import zstandard

from benchmarks.onnx_tensors import OnnxFile, view_bits

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["SIZE_TOOLS", "SizeTool", "compress_bitmask", "compress_dense"]


@dataclass(frozen=True, slots=True)
class SizeTool:
    """A tool that compresses a model.

    Attributes:
        size: Returns the compressed bytes of a model.
        tool: Returns the tool and its version, if it is installed.
        takes: ``file`` or ``tensors``.
    """

    size: Callable[[OnnxFile], int]
    tool: Callable[[], str]
    takes: str


def _make_zstd(level: int) -> Callable[[bytes], bytes]:
    return lambda data: zstandard.ZstdCompressor(level=level).compress(data)


def _compress_xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def compress_bitmask(array: Array) -> bytes:
    """Pack a mask of nonzero elements, then these elements; compress both with zstd -19."""
    mask = view_bits(array) != 0
    return _make_zstd(19)(np.packbits(mask).tobytes()) + _make_zstd(19)(array[mask].tobytes())


def compress_dense(array: Array) -> bytes:
    """Compress all elements, zeros included, with pcodec at level 12."""
    from pcodec import ChunkConfig, standalone

    numbers = array.view(np.uint8) if array.dtype == np.bool_ else array
    config = ChunkConfig(compression_level=12, enable_8_bit=True)
    data: bytes = standalone.simple_compress(numbers, config)
    return data


def _compress_zipnn(array: Array) -> bytes:
    """Compress with ZipNN as the type that gives the smallest result; it has no integer types."""
    from zipnn import ZipNN

    tried = [
        ZipNN(input_format="byte", bytearray_dtype=dtype, threads=1).compress(bytearray(array))
        for dtype in ("float32", "float16", "bfloat16")
    ]
    return min(map(bytes, tried), key=len)


def _make_file_tool(compress: Callable[[bytes], bytes], tool: Callable[[], str]) -> SizeTool:
    return SizeTool(lambda file: len(compress(file.data)), tool, "file")


def _make_tensor_tool(compress: Callable[[Array], bytes], tool: Callable[[], str]) -> SizeTool:
    def size(file: OnnxFile) -> int:
        tensors = sum(min(len(compress(array)), array.nbytes) for array in file.tensors)
        return tensors + len(_make_zstd(19)(file.rest))

    return SizeTool(size, tool, "tensors")


def _read_zstd_version() -> str:
    return "zstd " + ".".join(map(str, zstandard.ZSTD_VERSION))


def _read_xz_version() -> str:
    return f"liblzma of Python {platform.python_version()}"


def _read_version(name: str) -> Callable[[], str]:
    return lambda: f"{name} {version(name)}"


SIZE_TOOLS = {
    "zstd -3": _make_file_tool(_make_zstd(3), _read_zstd_version),
    "zstd -19": _make_file_tool(_make_zstd(19), _read_zstd_version),
    "xz -9e": _make_file_tool(_compress_xz, _read_xz_version),
    "pcodec dense": _make_tensor_tool(compress_dense, _read_version("pcodec")),
    "ZipNN": _make_tensor_tool(_compress_zipnn, _read_version("zipnn")),
    "bitmask + zstd -19": _make_tensor_tool(compress_bitmask, _read_zstd_version),
}
"""The tools by their names in the tables."""
