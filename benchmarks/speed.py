"""Benchmark of coding and decoding the two large models, in bytes of dense weights per second.

Decoding always fills a new buffer, as it does for a user: the system must provide its pages, and
the speed of that is measured too. pcodec decodes the same elements, zeros included, from chunks of
the same size, in the same rounds.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from pcodec import standalone

import prunepack
from benchmarks.models import onnx_model
from benchmarks.results import write_result
from benchmarks.size_tools import compress_dense
from benchmarks.timing import compare_seconds, pin_to_cores, time_interleaved
from prunepack.coding.codec import ChunkElements
from prunepack.coding.levels import LEVELS, list_levels
from prunepack.stages.runtime.host import host_name
from prunepack.writing.encoder import encode_chunk
from prunepack.writing.pools import rechunk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from benchmarks.timing import Seconds
    from prunepack import Artifact
    from prunepack.coding.geometry import Shapes
    from prunepack.coding.levels import LevelName

    Array = npt.NDArray[Any]
    Chunk = tuple[Array, Shapes, int]

MODELS = ("minilm", "crepe_full")
SPARSITIES = (0.9, 0.5)
QUICK: tuple[LevelName, ...] = ("fast", "small")
EVERY: tuple[LevelName, ...] = (*QUICK, "max")
LARGE = 4 * 1024**2
MAX_ROUNDS = 3
"""Rounds of the level max, which takes seconds instead of tenths."""


def measure(model: Path, rounds: int) -> dict[str, Any]:
    """Return all speeds on one model, in MB (10⁶ bytes) of dense weights per second."""
    with TemporaryDirectory() as folder:
        artifacts = {level: _pack_model(model, Path(folder) / level, level) for level in EVERY}
        chunks = _list_chunks(artifacts["fast"])
        with pin_to_cores():
            result = {
                "decode": _time_decoding(artifacts, chunks, rounds),
                "decode_file": _time_files(artifacts, model, rounds),
                "encode": _time_encoding(chunks, rounds),
                "encode_file": _time_packing(model, Path(folder) / "again", rounds),
            }
        result["threads"] = {level: _compare_threads(artifacts[level], rounds) for level in QUICK}
        for artifact in artifacts.values():
            artifact.close()
    return result


def _pack_model(model: Path, out: Path, level: LevelName) -> Artifact:
    prunepack.pack(model, out, level=level)
    return prunepack.Artifact.open(out)


def _list_chunks(artifact: Artifact) -> list[Chunk]:
    """Return the elements of every chunk, in the form that the writer takes."""
    chunks: list[Chunk] = []
    stored = [tensor for tensor in artifact.tensors.values() if not tensor.is_copy]
    for index, pool in enumerate(artifact.layout.pools):
        members = sorted((one.start, one.name) for one in stored if one.pool == index)
        items = (part for _, name in members for part in artifact.iter_tensor(name))
        for number, elements in enumerate(rechunk(items, pool.chunk)):
            chunks.append((elements, pool.shapes, number * pool.chunk))
    return chunks


def _time_decoding(
    artifacts: Mapping[LevelName, Artifact], chunks: list[Chunk], rounds: int
) -> dict[str, Any]:
    """Compare decoding with that of pcodec: chunks to arrays, stream checksums included."""
    size = sum(elements.nbytes for elements, *_ in chunks)
    parts = sorted((part for part, *_ in chunks), key=lambda part: -part.itemsize)  # all aligned
    coded = [(compress_dense(part), part.dtype, part.size) for part in parts]
    ways: dict[str, Callable[[], Any]] = {
        level: partial(artifacts[level].read_tensors, threads=1) for level in QUICK
    }
    pcodec = {"pcodec dense": partial(_decode_pcodec, coded, size)}
    ceiling = {"new pages": partial(_fill_pages, size)}
    seconds = time_interleaved(ways | pcodec | ceiling, rounds)
    slow = time_interleaved({"max": partial(artifacts["max"].read_tensors, threads=1)}, MAX_ROUNDS)
    ratios = {level: compare_seconds(seconds["pcodec dense"], seconds[level]) for level in QUICK}
    return {"speeds": _to_speeds(seconds | slow, size), "times_pcodec": ratios}


def _decode_pcodec(coded: list[tuple[bytes, np.dtype[Any], int]], size: int) -> Array:
    buffer = np.empty(size, np.uint8)
    at = 0
    for data, dtype, items in coded:
        stop = at + items * dtype.itemsize
        standalone.simple_decompress_into(data, buffer[at:stop].view(dtype))
        at = stop
    return buffer


def _fill_pages(size: int) -> Array:
    buffer = np.empty(size, np.uint8)
    buffer.fill(0)
    return buffer


def _time_files(
    artifacts: Mapping[LevelName, Artifact], model: Path, rounds: int
) -> dict[str, dict[str, float]]:
    """Time decoding a whole file, its SHA-256 included."""
    seconds = time_interleaved(
        {level: partial(_decode_file, artifacts[level], model.name) for level in QUICK}, rounds
    )
    return {"speeds": _to_speeds(seconds, model.stat().st_size)}


def _decode_file(artifact: Artifact, name: str) -> None:
    for _ in artifact.iter_file(name, threads=1):
        pass


LARGE = 2**40
"""Items of a model whose level is not raised."""


def _time_encoding(chunks: list[Chunk], rounds: int) -> dict[str, Any]:
    """Time encoding: arrays to chunks, without files and checksums."""

    def encode_all(level: str) -> None:
        for one in chunks:
            encode_chunk(ChunkElements(*one), list_levels(LEVELS[level], LARGE))

    seconds = time_interleaved({level: partial(encode_all, level) for level in QUICK}, rounds)
    slow = time_interleaved({"max": partial(encode_all, "max")}, MAX_ROUNDS)
    return {"speeds": _to_speeds(seconds | slow, sum(elements.nbytes for elements, *_ in chunks))}


def _time_packing(model: Path, out: Path, rounds: int) -> dict[str, Any]:
    """Time ``pack``: reading, coding, writing, and decoding everything as a proof."""
    ways: dict[str, Callable[[], Any]] = {
        level: partial(prunepack.pack, model, out, level=level, threads=1, force=True)
        for level in QUICK
    }
    return {"speeds": _to_speeds(time_interleaved(ways, rounds), model.stat().st_size)}


def _compare_threads(artifact: Artifact, rounds: int) -> dict[str, float]:
    """Compare two threads with one on the tensors of 4 MiB and more."""
    large = [tensor.name for tensor in artifact.tensors.values() if tensor.nbytes >= LARGE]
    ways = {str(n): partial(artifact.read_tensors, large, threads=n) for n in (1, 2)}
    seconds = time_interleaved(ways, rounds)
    return compare_seconds(seconds["1"], seconds["2"])


def _to_speeds(seconds: dict[str, Seconds], size: int) -> dict[str, float]:
    return {name: round(size / 1e6 / float(np.median(one)), 1) for name, one in seconds.items()}


def main() -> None:
    """Measure, and write ``results/speed.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="number of timings of each function")
    parser.add_argument("--only", choices=MODELS, help="one model; no result is written")
    options = parser.parse_args()
    cases = []
    for name in MODELS:
        for sparsity in SPARSITIES:
            if options.only in {None, name}:
                measured = measure(onnx_model(name, sparsity), options.rounds)
                cases.append({"model": name, "sparsity": sparsity, **measured})
                print(cases[-1], flush=True)
    if not options.only:
        setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
        pages = setting.read_text().strip() if setting.exists() else ""
        host = {"host": host_name(), "huge_pages": pages, "rounds": options.rounds}
        write_result("speed", {**host, "cases": cases})


if __name__ == "__main__":
    main()
