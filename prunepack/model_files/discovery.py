"""Discovery of the files of a model and of the tensors in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, inside, quote
from prunepack.format.limits import Limits, check_model
from prunepack.format.names import find_collision, find_file_name_fault
from prunepack.io.foreign_files import HEAD, recognize
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.external_data import locate_range, open_external, parse_external
from prunepack.model_files.onnx_names import TensorLabels
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.model_files.safetensors_header import find_declared_tensors, is_checkpoint
from prunepack.model_files.spans import DeclaredTensor, make_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prunepack.model_files.onnx_tensors import OnnxTensor
    from prunepack.model_files.spans import TensorSpan

__all__ = ["Source", "open_sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be packed.

    Attributes:
        name: Its name in the artifact.
        file: Its bytes.
        spans: Its tensors, by ``start``; they do not overlap.
        duplicates: Tensors in exactly the bytes of a span, each after the name of that span.
    """

    name: str
    file: RegularFile
    spans: tuple[TensorSpan, ...]
    duplicates: tuple[tuple[str, TensorSpan], ...] = ()


def open_sources(model_path: str, limits: Limits | None = None) -> list[Source]:
    """Open a model and all external files that it refers to, and find the tensors in them.

    The model is an ONNX model or a safetensors checkpoint. Only the declarations of its tensors
    are read, and none of its bytes stay in memory.

    Returns:
        The model first, then its external files in the order of their first mention.

    Raises:
        UsageError: If a file cannot be opened.
        RefusedError: If the model is malformed, or refers to a file that must not be packed.
        LimitExceededError: If it has more tensors or files than ``limits`` allow.
    """
    limits = limits or Limits()
    with inside(model_path):
        files = {Path(model_path).name: RegularFile(model_path)}
        found = list(make_spans(_iter_tensors(model_path, files, limits), limits))
        _check_names(files)
        spans: dict[RegularFile, list[TensorSpan]] = {file: [] for file in files.values()}
        for span in found:
            spans[span.file].append(span)
        return [_make_source(name, file, spans[file]) for name, file in files.items()]


def _iter_tensors(
    model_path: str, files: dict[str, RegularFile], limits: Limits
) -> Iterator[DeclaredTensor]:
    """Yield the tensors of a model, and add its external files to ``files``."""
    (model,) = files.values()
    if is_checkpoint(model):
        yield from find_declared_tensors(model)
        return
    for tensor, label in _find_onnx_tensors(model):
        file, start, stop = model, *(tensor.inline_range or (0, 0))
        if tensor.is_external:
            file, start, stop = _locate_external(tensor, model_path, files)
            check_model(limits, "files", len(files))
        has_own_name = label == tensor.name
        shape = tuple(tensor.shape)
        yield DeclaredTensor(file, start, stop, label, has_own_name, tensor.dtype, shape)


def _find_onnx_tensors(file: RegularFile) -> Iterator[tuple[OnnxTensor, str]]:
    """Yield the tensors of an ONNX model with their names, or labels if they have none.

    Without elements or a name of its own, a tensor does not matter.
    """
    with file.map_memory() as data:
        labels = TensorLabels(data)
        try:
            for tensor in find_tensors(data):
                if tensor.is_initializer and tensor.name:
                    yield tensor, tensor.name
                elif tensor.is_external or tensor.inline_range:
                    yield tensor, labels.find(tensor.message)
        except RefusedError as error:
            if foreign := recognize(bytes(data[:HEAD])):
                raise RefusedError(
                    "neither an ONNX model nor a safetensors checkpoint",
                    found=foreign.name,
                    hint=foreign.hint,
                ) from error
            raise RefusedError(
                f"neither an ONNX model nor a safetensors checkpoint ({error})",
                hint="Give the .onnx file that an exporter wrote, or a .safetensors file",
            ) from error


def _locate_external(
    tensor: OnnxTensor, model_path: str, files: dict[str, RegularFile]
) -> tuple[RegularFile, int, int]:
    """Locate the bytes of a tensor; a file that is mentioned for the first time is opened."""
    external = parse_external(tensor)
    if (name := external.location) not in files:
        files[name] = open_external(model_path, name)
    return files[name], *locate_range(tensor, external, files[name].size)


def _check_names(names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if fault := find_file_name_fault(name):
            raise RefusedError(f"the file name {quote(name)} {fault}", hint="Rename the file")
    if both := find_collision(names):
        raise RefusedError(
            f"the file names {quote(both[0])} and {quote(both[1])} collide",
            hint="Rename one of them",
        )


def _make_source(name: str, file: RegularFile, spans: Sequence[TensorSpan]) -> Source:
    """Keep the spans that do not overlap an earlier one, and list tensors in equal bytes."""
    kept: list[TensorSpan] = []
    duplicates: list[tuple[str, TensorSpan]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.stop)):
        last = kept[-1] if kept else None
        if last is None or span.start >= last.stop:
            kept.append(span)
        elif _extent(span) == _extent(last):
            duplicates.append((last.name, span))
    return Source(name, file, tuple(kept), tuple(duplicates))


def _extent(span: TensorSpan) -> tuple[object, ...]:
    return span.start, span.stop, span.dtype, span.elements
