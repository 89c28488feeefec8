"""The files of a model and the tensors in them, ready to be packed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, inside
from prunepack.format.names import find_collision, find_file_name_fault
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.external_data import locate, open_beside, parse_external
from prunepack.model_files.onnx_names import Labels
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.model_files.safetensors_header import find_in_checkpoint, is_checkpoint
from prunepack.model_files.spans import FoundTensor, Span, make_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prunepack.model_files.onnx_tensors import OnnxTensor

__all__ = ["Source", "Span", "open_sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be packed.

    Attributes:
        name: Its name in the artifact.
        file: Its bytes.
        spans: Its tensors, by ``start``; they do not overlap.
        twins: Tensors in the very same bytes as one of the spans, by that one's name.
    """

    name: str
    file: RegularFile
    spans: tuple[Span, ...]
    twins: tuple[tuple[str, Span], ...] = ()


def open_sources(model_path: str) -> list[Source]:
    """Find a model, every external file that it refers to, and the tensors in them.

    The model is an ONNX model or a safetensors checkpoint. Only what describes its tensors has
    been read, and nothing of it is kept in memory.

    Returns:
        The model first, then its external files in the order of their first mention.

    Raises:
        UsageError: If a file cannot be opened.
        RefusedError: If the model is malformed, or refers to what must not be packed.
    """
    with inside(model_path):
        return _sources(model_path)


def _sources(model_path: str) -> list[Source]:
    home = Path(model_path).name
    files = {home: RegularFile(model_path)}
    if is_checkpoint(files[home]):
        found = find_in_checkpoint(files[home], home)
    else:
        tensors = _onnx_tensors(files[home])
        found = [_found(tensor, label, model_path, home, files) for tensor, label in tensors]
    _check_names(files)
    spans: dict[str, list[Span]] = {name: [] for name in files}
    for name, span in make_spans(found):
        spans[name].append(span)
    return [_source(name, file, spans[name]) for name, file in files.items()]


def _onnx_tensors(file: RegularFile) -> list[tuple[OnnxTensor, str]]:
    """Return the tensors of an ONNX model and what to call them."""
    with file.mapped() as data:
        labels = Labels(data)
        try:
            return [(tensor, labels.of(tensor.where)) for tensor in find_tensors(data)]
        except RefusedError as error:
            raise RefusedError(
                f"neither an ONNX model nor a safetensors checkpoint ({error})",
                hint="Give the .onnx file that an exporter wrote, or a .safetensors file",
            ) from error


def _found(
    tensor: OnnxTensor, label: str, model_path: str, home: str, files: dict[str, RegularFile]
) -> FoundTensor:
    """Say where the bytes of a tensor are; open the file if it is new."""
    start, stop = tensor.inline or (0, 0)
    if tensor.is_external:
        place = parse_external(tensor)
        home = place.location
        if home not in files:
            files[home] = open_beside(model_path, home)
        start, stop = locate(tensor, place, files[home].size)
    own = tensor.initializer and bool(tensor.name)
    label = tensor.name if own else label
    return FoundTensor(home, start, stop, label, own, tensor.dtype, tuple(tensor.shape))


def _check_names(names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if found := find_file_name_fault(name):
            raise RefusedError(f"the file name {name!r} {found}", hint="Rename the file")
    if both := find_collision(names):
        raise RefusedError(
            f"the file names {both[0]!r} and {both[1]!r} collide", hint="Rename one of them"
        )


def _source(name: str, file: RegularFile, spans: Sequence[Span]) -> Source:
    """Keep the spans that do not overlap an earlier one, and remember exact twins."""
    kept: list[Span] = []
    twins: list[tuple[str, Span]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.stop)):
        last = kept[-1] if kept else None
        if last is None or span.start >= last.stop:
            kept.append(span)
        elif _extent(span) == _extent(last):
            twins.append((last.name, span))
    return Source(name, file, tuple(kept), tuple(twins))


def _extent(span: Span) -> tuple[object, ...]:
    return span.start, span.stop, span.dtype, math.prod(span.shape)
