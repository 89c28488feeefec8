"""Keys of results: a SHA-256 over everything that can change the bytes of a result."""

from __future__ import annotations

import hashlib
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python

from prunepack.errors import UsageError
from prunepack.format import canonical_json
from prunepack.pipeline.cache.code_closure import hash_code_closure, hash_user_code
from prunepack.pipeline.cache.digests import file_digest
from prunepack.pipeline.cache.input_files import (
    list_data_files,
    list_model_files,
    list_weight_files,
)
from prunepack.stages.contract.outputs import read_json
from prunepack.stages.contract.user_code import (
    PointsAt,
    is_library_model,
    is_model_file,
    is_user_code,
    split_library,
)
from prunepack.stages.runtime.host import host_name
from prunepack.stages.sources.libraries import find_folder_weights, is_model_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TypeAlias

    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Config, Stage

    Pointer: TypeAlias = tuple[str, PointsAt, str | Path]

__all__ = ["Material", "collect_material"]

ALTERNATIVES = {
    "onnxruntime": (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
        "onnxruntime-qnn",
    )
}
"""Distributions that install the same package."""

DESCRIPTIONS = ("model.json", "interface.json")
"""Files of an output that can name the user's code, under ``model`` and ``dataset``."""


class Material(BaseModel):
    """Parts of a key, which can be compared in words.

    Attributes:
        stage: The stage's name.
        config: Its config.
        inputs: Digests of its inputs, by parameter.
        code: Digests of the first-party files that it can execute.
        user: Digests of the user's files that it can execute or read.
        tools: Versions of the distributions that can change its bytes.
        python: The minor version of Python.
        host: The machine, where the result holds for this machine only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    config: dict[str, Any]
    inputs: dict[str, str]
    code: dict[str, str]
    user: dict[str, str]
    tools: dict[str, str]
    python: str
    host: str

    @property
    def key(self) -> str:
        """The SHA-256 (hex) of all parts."""
        return hashlib.sha256(canonical_json.dumps(self.model_dump())).hexdigest()


def collect_material(
    stage: Stage[Any, Any, Any], config: Config, inputs: Mapping[str, Output]
) -> Material:
    """Return the parts of the key of ``stage`` on ``config`` and ``inputs``.

    Raises:
        UsageError: If the user's code or file, or a tool, is not there.
    """
    return Material(
        stage=stage.name,
        config=to_jsonable_python(_order_sets(config.model_dump(serialize_as_any=True))),
        inputs={name: artifact.digest for name, artifact in inputs.items()},
        code=hash_code_closure(stage.body.__module__),
        user=_of_the_user(stage.name, config, inputs),
        tools={name: number for tool in stage.tools for name, number in _versions(tool, stage)},
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        host=_host() if stage.host_bound else "",
    )


def _order_sets(value: Any) -> Any:
    """Sort every set by the JSON of its elements, which does not depend on this process."""
    if isinstance(value, dict):
        return {key: _order_sets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_order_sets(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(
            (to_jsonable_python(_order_sets(item)) for item in value), key=canonical_json.dumps
        )
    return value


def _of_the_user(stage: str, config: Config, inputs: Mapping[str, Output]) -> dict[str, str]:
    """Return the digests of the user's code and files that the stage can execute or read."""
    found: dict[str, str] = {}
    for reference in {ref for artifact in inputs.values() for ref in _references_in(artifact)}:
        found |= _hash_source(reference)
    for file in sorted({file for artifact in inputs.values() for file in _sample_files(artifact)}):
        found[file] = _input_digest("load.inputs.file", Path(file))
    for where, points_at, value in _pointers(config, Any, stage):
        if points_at.what != "file" and (source := _hash_source(str(value))):
            found |= source
        elif points_at.what != "code" and value:
            is_data = points_at.what == "data"
            files = list_data_files(Path(value)) if is_data else list_weight_files(Path(value))
            found |= {str(file): _input_digest(where, file) for file in files}
    return found


def _hash_source(text: str) -> dict[str, str]:
    """Return the digests of the code that ``text`` names; none for a built-in."""
    if is_library_model(text):
        library, _ = split_library(text)
        return {library: _version(library) or "not installed"}
    if is_user_code(text):
        return hash_user_code(text)
    if is_model_file(text):
        return {
            str(file): _input_digest("load.model", file) for file in list_model_files(Path(text))
        }
    folder = Path(text, "config.json")
    if is_model_folder(text) and folder.is_file():
        files = [folder, *list_weight_files(find_folder_weights(text))]
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
            f"{where}: {path} cannot be read",
            expected="a file",
            found=error.strerror,
            hint=f"Give a path relative to the working folder, {Path.cwd()}",
        ) from None


def _versions(tool: str, stage: Stage[Any, Any, Any]) -> list[tuple[str, str]]:
    """Return (distribution, version) of each distribution that installs ``tool``."""
    names = ALTERNATIVES.get(tool, (tool,))
    found = [(name, number) for name in names if (number := _version(name))]
    if not found:
        raise UsageError(
            f"{stage.name} needs {tool}",
            expected=" or ".join(names),
            found="none of them installed" if len(names) > 1 else "it is not installed",
            hint="Install it with pip install 'prunepack[build]'",
        )
    return found


@cache
def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _host() -> str:
    """Return the identity of this machine, which times depend on."""
    return f"{host_name()}, {platform.machine()}, {platform.system()}"
