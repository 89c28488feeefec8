"""A closure is found by reading its files once, and again when one of them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from prunepack.pipeline.keys import closure_memory
from prunepack.pipeline.keys.closure_memory import recall_code_closure
from prunepack.pipeline.keys.code_closure import hash_code_closure
from tests.unit.pipeline.keys.conftest import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODULE = "house.cellar.wine"


@pytest.fixture
def recall(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], tuple[dict[str, str], int]]]:
    """Recall in a new process: return the closure, and how many had to be found anew."""
    write(house, {"garden/pond.py": "from house import hall\n"})
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path / "remembered"))
    found: list[str] = []

    def find(module: str) -> dict[str, str]:
        found.append(module)
        return hash_code_closure(module)

    monkeypatch.setattr(closure_memory, "hash_code_closure", find)

    def run() -> tuple[dict[str, str], int]:
        forget()
        found.clear()
        return recall_code_closure(MODULE), len(found)

    yield run
    forget()


def forget() -> None:
    for remembered in ("list_first_party", "_place", "_read_memory"):
        getattr(closure_memory, remembered).cache_clear()


def test_an_unchanged_closure_is_remembered(recall):
    first, second = recall(), recall()
    assert first == (hash_code_closure(MODULE), 1)
    assert second == (first[0], 0)


@pytest.mark.parametrize(
    ("files", "anew"),
    [
        ({"house/cellar/rack.py": "import garden.pond"}, 1),
        ({"house/cellar/wine.py": ""}, 1),
        ({"house/cellar/rack/__init__.py": ""}, 1),  # it comes before the module
        ({"house/loft.py": ""}, 1),
        ({"house/cellar/mice.py": "import house.attic"}, 0),
    ],
)
def test_a_changed_file_of_the_closure_counts(house, recall, files, anew):
    recall()
    write(house, files)
    assert recall() == (hash_code_closure(MODULE), anew)


def test_a_file_that_is_gone(house, recall):
    recall()
    (house / "house/cellar/rack.py").unlink()
    assert recall() == (hash_code_closure(MODULE), 1)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"names": 1}', "\xff"])
def test_a_damaged_memory_is_made_anew(tmp_path, recall, content):
    closure, _ = recall()
    (file,) = (tmp_path / "remembered/code").iterdir()
    file.write_text(content, encoding="latin-1")
    assert recall() == (closure, 1)
    assert recall() == (closure, 0)


def test_without_a_place_for_the_memory_closures_are_found_anew(tmp_path, recall):
    (tmp_path / "remembered").write_text("a file in its place")
    assert recall()[1] == recall()[1] == 1


def test_a_module_that_is_not_ours_is_left_to_the_closure(recall, tmp_path, monkeypatch):
    write(tmp_path, {"toy_stage2.py": "import toy_tool2", "toy_tool2.py": ""})
    monkeypatch.syspath_prepend(tmp_path)
    __import__("toy_stage2")
    assert set(recall_code_closure("toy_stage2")) == {"toy_stage2.py", "toy_tool2.py"}
