"""Files of the user that a stage can execute or read, as the config and the inputs name them."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from prunepack.errors import UsageError
from prunepack.io.json_files import read_json
from prunepack.packing import find_model_files
from prunepack.pipeline.keys.code_closure import hash_user_code
from prunepack.pipeline.keys.digests import file_digest, installed_version
from prunepack.pipeline.keys.file_states import identify_files
from prunepack.stages.contract.user_code import (
    PointsAt,
    is_library_model,
    is_model_file,
    is_user_code,
    split_library,
)
from prunepack.stages.sources.libraries import find_folder_weights, is_model_folder
from prunepack.stages.sources.shards import is_index, list_shards

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TypeAlias

    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Config

    Pointer: TypeAlias = tuple[str, PointsAt, str | Path]

__all__ = ["hash_user_files"]

DESCRIPTIONS = ("model.json", "interface.json")
"""Files of an output that can name the user's code, under ``model`` and ``dataset``."""


def hash_user_files(
    stage: str, config: Config, inputs: Mapping[str, Output], *, hash_data: bool = False
) -> dict[str, str]:
    """Return the digests of the user's code and files that the stage can execute or read.

    Without ``hash_data``, large data is identified by its size and time.

    Raises:
        UsageError: If the user's code or file is not there.
    """
    found: dict[str, str] = {}
    for reference in {ref for artifact in inputs.values() for ref in _references_in(artifact)}:
        found |= _hash_source(reference)
    for file in sorted({file for artifact in inputs.values() for file in _sample_files(artifact)}):
        found[file] = _input_digest("load.inputs.file", Path(file))
    for where, points_at, value in _pointers(config, Any, stage):
        if points_at.what != "file" and (source := _hash_source(str(value))):
            found |= source
        elif points_at.what == "data" and value:
            found |= _identify_data(where, Path(value), hash_data=hash_data)
        elif points_at.what == "file" and value:
            files = _list_weight_files(Path(value))
            found |= {str(file): _input_digest(where, file) for file in files}
    return found


def _hash_source(text: str) -> dict[str, str]:
    """Return the digests of the code that ``text`` names; none for a built-in."""
    if is_library_model(text):
        library, _ = split_library(text)
        return {library: installed_version(library) or "not installed"}
    if is_user_code(text):
        return hash_user_code(text)
    if is_model_file(text):
        return {
            str(file): _input_digest("load.model", file) for file in _list_model_files(Path(text))
        }
    folder = Path(text, "config.json")
    if is_model_folder(text) and folder.is_file():
        files = [folder, *_list_weight_files(find_folder_weights(text))]
        return {str(file): _input_digest("load.model", file) for file in files}
    return {}


def _references_in(artifact: Output) -> Iterator[str]:
    """Yield the user's code that ``artifact`` names: its model and its dataset."""
    for path in (artifact.path / name for name in DESCRIPTIONS):
        content = read_json(path) if path.is_file() else {}
        values = (content.get(field) for field in ("model", "dataset"))
        yield from (value for value in values if isinstance(value, str))


def _sample_files(artifact: Output) -> Iterator[str]:
    """Yield the files of samples that the inputs of ``artifact`` name."""
    for path in (artifact.path / name for name in DESCRIPTIONS):
        content = read_json(path) if path.is_file() else {}
        files = [one.get("file") for one in content.get("inputs") or [] if isinstance(one, dict)]
        yield from (file for file in files if isinstance(file, str))


def _pointers(value: Any, hint: Any, where: str) -> Iterator[Pointer]:
    """Yield (field, mark, value) for each part of ``value`` whose annotation has a mark."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _find_marks(getattr(value, name), field.metadata, f"{where}.{name}")
            yield from _pointers(getattr(value, name), field.annotation, f"{where}.{name}")
    elif origin is Annotated:
        yield from _find_marks(value, arguments[1:], where)
        yield from _pointers(value, arguments[0], where)
    elif origin in {Union, UnionType}:
        for one in arguments:
            yield from _pointers(value, one, where)
    elif not isinstance(origin, type) or isinstance(value, origin):
        for name, item, inner in _items(value, arguments):
            yield from _pointers(item, inner, f"{where}[{name}]")


def _find_marks(value: Any, marks: Iterable[Any], where: str) -> Iterator[Pointer]:
    if isinstance(value, str | Path):
        yield from ((where, mark, value) for mark in marks if isinstance(mark, PointsAt))


def _items(value: Any, hints: tuple[Any, ...]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (index, item, type hint) for each item of a container."""
    if isinstance(value, dict):
        of_key, of_value = hints or (Any, Any)
        for key, item in value.items():
            yield str(key), key, of_key
            yield str(key), item, of_value
    elif isinstance(value, list | tuple | set | frozenset):
        each = hints if hints and hints[-1] is not ... else hints[:1] or (Any,)
        for index, item in enumerate(value):
            yield str(index), item, each[min(index, len(each) - 1)]


def _input_digest(where: str, path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise UsageError(
            f"{where}: `{path}` cannot be read",
            expected="a file",
            found=error.strerror,
            hint=f"Give a path relative to the working folder, `{Path.cwd()}`",
        ) from None


def _list_model_files(path: Path) -> list[Path]:
    """Return the file of a model and its external data."""
    if path.suffix != ".onnx" or not path.is_file():
        return [path]
    return list(find_model_files(path).values())


def _identify_data(where: str, path: Path, *, hash_data: bool) -> dict[str, str]:
    """Return the identity of the file ``path``, or of every file in that folder."""
    is_folder = path.is_dir()
    if not is_folder and not path.is_file():
        return {str(path): _input_digest(where, path)}
    files = sorted(one for one in path.rglob("*") if one.is_file()) if is_folder else [path]
    return identify_files(map(str, files), hashes_all=hash_data)


def _list_weight_files(path: Path) -> list[Path]:
    """Return a file of weights, with the shards that it names if it is an index."""
    return [path, *list_shards(path)] if is_index(path) and path.is_file() else [path]
