"""The files of a model and the tensors in them, ready to be packed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.external_data import parse_external
from prunepack.file_names import clash, flaw
from prunepack.location import inside
from prunepack.onnx_spans import find_tensors
from prunepack.regular_file import map_regular
from prunepack.tensor_names import fold, is_fit
from prunepack.validation import MOST_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prunepack.dtypes import DType
    from prunepack.onnx_spans import OnnxTensor

__all__ = ["Source", "Span", "open_sources"]

FEWEST_ELEMENTS = 17
"""Smaller tensors cost more in the header than they save."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes ``start`` to ``stop`` of a file are this tensor."""

    start: int
    stop: int
    name: str
    dtype: DType
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be packed.

    Attributes:
        name: Its name in the artifact.
        data: All of its bytes, mapped rather than read.
        spans: Its tensors, by ``start``; they do not overlap.
        twins: Tensors in the very same bytes as one of the spans, by that one's name.
    """

    name: str
    data: memoryview
    spans: tuple[Span, ...]
    twins: tuple[tuple[str, Span], ...] = ()


def open_sources(model_path: str) -> list[Source]:
    """Open a model and every external file that it refers to.

    Returns:
        The model first, then its external files in the order of their first mention.

    Raises:
        UsageError: If a file cannot be opened.
        RefusedError: If the model is malformed, or refers to what must not be packed.
    """
    with inside(model_path):
        return _open_sources(model_path)


def _open_sources(model_path: str) -> list[Source]:
    name = Path(model_path).name
    files = {name: map_regular(model_path)}
    found: dict[str, list[Span]] = {name: []}
    names: set[str] = set()
    for tensor in find_tensors(files[name]):
        home, start, stop = name, *(tensor.raw[0] if len(tensor.raw) == 1 else (0, 0))
        if tensor.is_external:
            home, start, stop = _locate(tensor, model_path, files)
        found.setdefault(home, [])
        if span := _span(tensor, start, stop, names):
            found[home].append(span)
    _check_names(files)
    return [_source(home, files[home], spans) for home, spans in found.items()]


def _locate(
    tensor: OnnxTensor, model_path: str, files: dict[str, memoryview]
) -> tuple[str, int, int]:
    """Return file, start and stop of an external tensor; open the file if it is new."""
    place = parse_external(tensor)
    if place.location not in files:
        files[place.location] = _map_beside(model_path, place.location)
    size = len(files[place.location])
    stop = size if place.length is None else place.offset + place.length
    if not place.offset <= stop <= size:
        raise RefusedError(
            f"external data of tensor {tensor.name!r} is not all there",
            expected=f"bytes {place.offset} to {stop} of {place.location}",
            found=f"{size} bytes",
            do="Export the model anew",
        )
    return place.location, place.offset, stop


def _map_beside(model_path: str, location: str) -> memoryview:
    folder = Path(model_path).parent
    path = Path(os.path.realpath(folder / location))
    if not path.is_relative_to(os.path.realpath(folder)):
        raise RefusedError(
            f"external data {location!r} leads out of the model's folder",
            expected=f"a file below {folder}",
            found=path,
            do="Put the file itself there instead of a link",
        )
    return map_regular(str(path))


def _span(tensor: OnnxTensor, start: int, stop: int, names: set[str]) -> Span | None:
    """Return the tensor's span if it is worth coding and beyond doubt, else None."""
    dtype, nbytes = tensor.dtype, tensor.nbytes
    certain = tensor.initializer and nbytes == stop - start and len(tensor.shape) <= MOST_DIMENSIONS
    if not certain or dtype is None or stop - start < FEWEST_ELEMENTS * dtype.itemsize:
        return None
    if not is_fit(tensor.name) or fold(tensor.name) in names:
        return None
    names.add(fold(tensor.name))
    return Span(start, stop, tensor.name, dtype, tuple(tensor.shape))


def _check_names(names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if found := flaw(name):
            raise RefusedError(f"the file name {name!r} {found}", do="Rename the file")
    if both := clash(names):
        raise RefusedError(
            f"the file names {both[0]!r} and {both[1]!r} collide", do="Rename one of them"
        )


def _source(name: str, data: memoryview, spans: Sequence[Span]) -> Source:
    """Keep the spans that do not overlap an earlier one, and remember exact twins."""
    kept: list[Span] = []
    twins: list[tuple[str, Span]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.stop)):
        last = kept[-1] if kept else None
        if last is None or span.start >= last.stop:
            kept.append(span)
        elif (span.start, span.stop, span.dtype) == (last.start, last.stop, last.dtype):
            twins.append((last.name, span))
    return Source(name, data, tuple(kept), tuple(twins))
