"""Files of ``torch.save``, read without running code: a closed list of classes is allowed."""

from __future__ import annotations

import pickletools
import zipfile
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

__all__ = ["read_torch_file"]

LEGACY_PICKLES = 4
"""Pickles at the beginning of the old format: magic number, version, system, content."""

CONTAINERS = ("model", "net", "ema", "state_dict", "module", "network")
"""Keys under which a training script saves a whole model."""


def read_torch_file(path: Path) -> object:
    """Return the content of a file of ``torch.save``, by ``weights_only=True``.

    Beside tensors and plain values, it may hold numpy arrays and scalars, ``argparse.Namespace``,
    paths and dates, which trainers keep beside the weights.

    Raises:
        RefusedError: If the file is damaged, or would have to run code.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_list_safe_globals()):
            value: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 -- the unpickler raises anything for damaged bytes
        raise _explain_failure(path, error) from None
    return value


def _list_safe_globals() -> list[Any]:
    """Return the classes and functions that a checkpoint may name beside those of torch."""
    import argparse
    import datetime as dt
    import pathlib
    import types

    import numpy as np

    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    functions = [
        (function, f"{module}.{name}")
        for module in ("numpy._core.multiarray", "numpy.core.multiarray")
        for name, function in (
            ("_reconstruct", multiarray._reconstruct),
            ("scalar", multiarray.scalar),
        )
    ]
    dtypes = {type(np.dtype(code)) for code in "?bhilqBHILQefdgFD"}
    plain = [argparse.Namespace, types.SimpleNamespace, np.ndarray, np.dtype]
    times = [dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone]
    paths = [pathlib.PosixPath, pathlib.PurePosixPath, pathlib.WindowsPath]
    return [*functions, *dtypes, *plain, *times, *paths]


def _explain_failure(path: Path, error: Exception) -> RefusedError:
    names, words = _scan(path)
    unsafe = [name for name in names if not _is_of_tensors(name)]
    if unsafe and ("_modules" in words or any(_is_layer(name) for name in names)):
        return _refuse_whole_model(path, unsafe, words)
    if unsafe:
        shown = ", ".join(f"`{name}`" for name in unsafe[:5])
        return RefusedError(
            f"`{path}` holds objects whose pickle can run code",
            expected="tensors, numbers and texts",
            found=shown,
            hint="Save torch.save(model.state_dict(), path), not the model: a pickle can run code",
        )
    lines = str(error).strip().splitlines() if isinstance(error, OSError | RuntimeError) else []
    found = lines[0].split(". ")[0] if lines else "damaged bytes, or another format"
    return RefusedError(
        f"`{path}` cannot be read",
        expected="a file of torch.save",
        found=found,
        hint="Copy or download the file again: it is damaged or cut off",
    )


def _refuse_whole_model(path: Path, unsafe: list[str], words: list[str]) -> RefusedError:
    first = "training" if zipfile.is_zipfile(path) else "module"  # of a module, in both formats
    at_top = words[:1] == [first]
    keys = [] if at_top else [word for word in words[:50] if word in CONTAINERS]
    key = f'["{keys[0]}"]' if keys else ""
    return RefusedError(
        f"`{path}` holds a whole model, whose pickle can run code",
        expected="a state dict",
        found=f"`{unsafe[0]}`",
        hint="Save the state dict where the model's code is:\n"
        f'model = torch.load("{path}", weights_only=False){key}\n'
        f'torch.save(model.state_dict(), "{path.stem}_state.pth")',
    )


def _is_layer(name: str) -> bool:
    return name.startswith("torch.nn.modules.") or name.endswith("GraphModule")


def _is_of_tensors(name: str) -> bool:
    """Return whether a pickle of tensors and plain values may name ``name``."""
    import torch

    if name in torch._weights_only_unpickler._get_allowed_globals():
        return True
    own = (entry if isinstance(entry, tuple) else (entry, "") for entry in _list_safe_globals())
    return name in {text or f"{kind.__module__}.{kind.__qualname__}" for kind, text in own}


def _scan(path: Path) -> tuple[list[str], list[str]]:
    """Return the globals that the pickle in a file names, and its texts, without loading it."""
    names: dict[str, None] = {}
    words: dict[str, None] = {}
    try:
        for stream in _open_pickles(path):
            recent: list[str] = []
            words.clear()  # the content is in the last pickle
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name == "GLOBAL" and argument:
                    names[argument.replace(" ", ".")] = None
                elif opcode.name == "STACK_GLOBAL" and len(recent) > 1:
                    names[".".join(recent[-2:])] = None
                elif isinstance(argument, str):
                    recent.append(argument)
                    words[argument] = None
    except Exception:  # noqa: BLE001, S110 -- damaged bytes: what was read so far decides
        pass
    return [*names], [*words]


def _open_pickles(path: Path) -> Iterator[IO[bytes]]:
    """Yield the stream of each pickle; the old format has several in one stream."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("data.pkl"):
                    with archive.open(name) as stream:
                        yield stream
        return
    with path.open("rb") as file:
        for _ in range(LEGACY_PICKLES):
            yield file
