"""A house of first-party packages, whose files tests edit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from prunepack.pipeline.keys import closure_memory, code_closure, imports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two first-party packages, ``house`` and ``garden``; ``house.rooms`` is a plug-in folder."""
    write(
        tmp_path,
        {
            "house/__init__.py": "",
            "house/hall.py": "",
            "house/attic.py": "",
            "house/rooms/__init__.py": "",
            "house/rooms/blue.py": "from garden import shed",
            "house/rooms/red.safetensors": "bytes",
            "house/rooms/more/note.txt": "data",
            "house/rooms/.hidden": "",
            "house/rooms/.cache/x.py": "",
            "house/rooms/__pycache__/blue.cpython-311.pyc": "",
            "house/cellar/__init__.py": "",
            "house/cellar/wine.py": "from house.cellar.rack import top",
            "house/cellar/rack.py": "",
            "house/cellar/mice.py": "",
            "garden/__init__.py": "",
            "garden/shed.py": "",
            "garden/pond.py": "",
        },
    )
    for module in (code_closure, imports, closure_memory):
        monkeypatch.setattr(module, "FIRST_PARTY", ("house", "garden"))
    monkeypatch.setattr(code_closure, "PLUGIN_PACKAGES", frozenset({"house.rooms"}))
    monkeypatch.syspath_prepend(tmp_path)
    for remembered in (code_closure._home, code_closure.list_first_party):
        remembered.cache_clear()
    yield tmp_path
    for remembered in (code_closure._home, code_closure.list_first_party):
        remembered.cache_clear()
    for package in ("house", "garden"):
        sys.modules.pop(package, None)  # imported to find a package inside
