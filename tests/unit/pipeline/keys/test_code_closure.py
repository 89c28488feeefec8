"""The key of a stage covers the source files that it can execute, and no others."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.keys import code_closure, imports
from prunepack.pipeline.keys.code_closure import (
    PLUGIN_PACKAGES,
    hash_code_closure,
    hash_first_party,
    hash_user_code,
)
from prunepack.pipeline.keys.digests import file_digest
from tests.unit.pipeline.keys.conftest import write

REPOSITORY = Path(code_closure.__file__).parents[2]


def reached(house: Path, content: str) -> set[str]:
    """Return what a module ``house.door`` with this content reaches beside itself."""
    (house / "house/door.py").write_text(content)
    return set(hash_code_closure("house.door")) - {"house/__init__.py", "house/door.py"}


@pytest.mark.parametrize(
    "content",
    [
        "import house.hall",
        "import house.hall as h",
        "from house import hall",
        "from house.hall import coat",
        "from . import hall",
        "from .hall import coat",
        "def f():\n    if True:\n        from house import hall",
        "try:\n    import x\nexcept ImportError:\n    import house.hall",
        "class A:\n    def f(self):\n        with x:\n            import house.hall",
        "match x:\n    case 1:\n        import house.hall",
        "if not TYPE_CHECKING:\n    import house.hall",
        "if TYPE_CHECKING:\n    import house.attic\nelse:\n    import house.hall",
        "import_module('house.hall')",
        'NAMES = {"coat": "house.hall"}',
    ],
)
def test_every_way_to_import_counts(house: Path, content: str) -> None:
    assert reached(house, content) == {"house/hall.py"}


@pytest.mark.parametrize(
    "content",
    [
        "if TYPE_CHECKING:\n    from house import hall",
        "import typing\nif typing.TYPE_CHECKING:\n    import house.hall",
        "if TYPE_CHECKING:\n    if x:\n        import house.hall",
        "'''See house.hall and \"house.hall\".'''",
        "import numpy, os, tests, prunepack.pipeline.runner",
        "x = 'hall'",
        "x = 'house.nowhere'",
    ],
)
def test_what_cannot_run_does_not_count(house: Path, content: str) -> None:
    assert reached(house, content) == set()


def test_imports_are_followed_all_the_way_and_in_circles(house: Path) -> None:
    write(house, {"house/hall.py": "import house.attic", "house/attic.py": "import house.hall"})
    assert reached(house, "import house.hall") == {"house/hall.py", "house/attic.py"}


@pytest.mark.parametrize(
    "content",
    [
        "import house.rooms",
        "from house.rooms import blue",
        "from house.rooms.blue import wall",
        "from house import rooms",
        "import_module(f'house.rooms.{name}')",
    ],
)
def test_a_plug_in_folder_stands_for_all_its_files_and_their_imports(
    house: Path, content: str
) -> None:
    assert reached(house, content) == {
        "house/rooms/__init__.py",
        "house/rooms/blue.py",
        "house/rooms/red.safetensors",
        "house/rooms/more/note.txt",
        "garden/__init__.py",
        "garden/shed.py",
    }


def test_any_other_package_is_followed_import_by_import(house: Path) -> None:
    assert reached(house, "from house.cellar.wine import red") == {
        "house/cellar/__init__.py",
        "house/cellar/wine.py",
        "house/cellar/rack.py",
    }
    assert reached(house, "from house import cellar") == {"house/cellar/__init__.py"}


def test_every_folder_that_is_listed_at_run_time_is_a_plug_in_folder() -> None:
    listing = ("Registry(", "load_implementations(__name__")
    lister = {
        "prunepack.coding.native",  # its C source is compiled, not imported
        "prunepack.stages.reporting.page",  # its template is read, not imported
    }
    for top in ("prunepack", "stages", "pipeline"):
        for path in (REPOSITORY / top).rglob("__init__.py"):
            if any(call in path.read_text() for call in listing):
                dotted = ".".join(path.parent.relative_to(REPOSITORY).parts)
                lister.add(dotted if top == "prunepack" else f"prunepack.{dotted}")
    assert lister == PLUGIN_PACKAGES


LAZY = """
if TYPE_CHECKING:
    from garden.shed import rake
    from garden.pond import fish as trout, shed_of
def __getattr__(name): ...
"""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("from garden import rake", {"garden/shed.py"}),
        ("from garden import trout", {"garden/pond.py"}),
        ("from garden import other", set()),
        ("import garden", {"garden/shed.py", "garden/pond.py"}),
        ("from garden import *", {"garden/shed.py", "garden/pond.py"}),
        ("import garden.shed", {"garden/shed.py", "garden/pond.py"}),
    ],
)
def test_a_lazy_package_loads_what_its_type_checking_imports_say(
    house: Path, content: str, expected: set[str]
) -> None:
    (house / "garden/__init__.py").write_text(LAZY)
    assert reached(house, content) == {"garden/__init__.py"} | expected


def test_a_name_that_a_lazy_package_loads_from_itself_ends(house: Path) -> None:
    (house / "garden/__init__.py").write_text(
        "if TYPE_CHECKING:\n    from garden import rake\ndef __getattr__(name): ..."
    )
    assert reached(house, "from garden import rake") == {"garden/__init__.py"}


def test_a_file_that_does_not_parse_counts_by_its_bytes(house: Path) -> None:
    assert reached(house, "def") == set()
    before = hash_code_closure("house.door")
    assert reached(house, "def f") == set()
    assert hash_code_closure("house.door") != before


def test_digests_are_of_the_contents(house: Path) -> None:
    reached(house, "import house.hall")
    (house / "house/hall.py").write_text("x = 1\n")
    assert (
        hash_code_closure("house.door")["house/hall.py"] == hashlib.sha256(b"x = 1\n").hexdigest()
    )


def test_nothing_is_imported(house: Path) -> None:
    write(
        house, {"house/hall.py": "raise SystemExit", "house/rooms/__init__.py": "raise SystemExit"}
    )
    assert "house/rooms/__init__.py" in reached(house, "import house.hall, house.rooms.blue")
    assert not any(name.startswith(("house", "garden")) for name in sys.modules)


def test_first_party_is_every_file(house: Path) -> None:
    assert set(hash_first_party()) == {
        "house/__init__.py",
        "house/hall.py",
        "house/attic.py",
        "house/rooms/__init__.py",
        "house/rooms/blue.py",
        "house/rooms/red.safetensors",
        "house/rooms/more/note.txt",
        "house/cellar/__init__.py",
        "house/cellar/wine.py",
        "house/cellar/rack.py",
        "house/cellar/mice.py",
        "garden/__init__.py",
        "garden/shed.py",
        "garden/pond.py",
    }


def test_a_file_is_parsed_once(house: Path) -> None:
    reached(house, "import house.hall")
    before = imports._parse.cache_info()
    hash_code_closure("house.door")
    after = imports._parse.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits


def test_prune_covers_every_pruning_method_and_not_the_reader() -> None:
    found = hash_code_closure("prunepack.stages.prune")
    folder = REPOSITORY / "stages/pruning/methods"
    methods = {f"prunepack/stages/pruning/methods/{path.name}" for path in folder.glob("*.py")}
    assert methods
    assert methods | {"prunepack/stages/prune.py", "prunepack/stages/__init__.py"} <= set(found)
    assert "prunepack/stages/models/builtin/lenet.safetensors" in found
    assert "prunepack/reading/artifact.py" not in found
    assert "prunepack/stages/comparison/forms.py" not in found


def test_pack_covers_every_codec() -> None:
    assert {
        "prunepack/coding/codecs/gaps.py",
        "prunepack/coding/compressors/zstd.py",
        "prunepack/coding/native/native.c",
        "prunepack/packing.py",
    } <= set(hash_code_closure("prunepack.stages.pack"))


PRINT = """
import json
from prunepack.pipeline.keys.code_closure import hash_code_closure
print(json.dumps(hash_code_closure("prunepack.stages.prune")))
"""


def test_an_installed_copy_has_the_same_names_and_digests(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    shutil.copytree(REPOSITORY / "prunepack", site / "prunepack")
    for package in ("pipeline", "stages"):
        shutil.copytree(REPOSITORY / package, site / "prunepack" / package)
    changed = site / "prunepack/stages/prune.py"
    for path in (changed, site / "numpy.py"):  # a neighbour is not followed
        path.write_text("from prunepack.stages.pruning import methods\nimport numpy\n")
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    here = hash_code_closure("prunepack.stages.pruning.methods")
    assert found.pop("prunepack/stages/prune.py") == file_digest(changed)
    assert found == here


def test_a_stage_outside_the_packages_is_covered_with_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"toy_stage.py": "import toy_tool", "toy_tool.py": "", "toy_other.py": ""})
    monkeypatch.syspath_prepend(tmp_path)
    __import__("toy_stage")
    assert set(hash_code_closure("toy_stage")) == {"toy_stage.py", "toy_tool.py"}


def test_a_stage_without_a_file_is_refused() -> None:
    with pytest.raises(RuntimeError) as error:
        hash_code_closure("sys")
    assert str(error.value) == (
        "the stages of sys have no key: expected a source file, found none. Define them in a file"
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's project, which is the working folder."""
    write(
        tmp_path,
        {
            "hooks.py": "import nearby, mine.deep\n"
            "from prunepack.stages.pruning import masks\nimport torch\n",
            "nearby.py": "",
            "unused.py": "",
            "mine/__init__.py": "",
            "mine/deep.py": "from .peer import x",
            "mine/peer.py": "import nearby",
            "far/hook.py": "import beside, nearby",
            "far/beside.py": "",
        },
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def names(reference: str) -> set[str]:
    """Return the user's own files among the sources of ``reference``."""
    return {name for name in hash_user_code(reference) if not name.startswith("prunepack/")}


def test_a_users_file_is_covered_with_what_it_imports(project: Path) -> None:
    expected = {"hooks.py:tune", "nearby.py", "mine/__init__.py", "mine/deep.py", "mine/peer.py"}
    assert names("hooks.py:tune") == expected
    assert "prunepack/stages/pruning/masks.py" in hash_user_code("hooks.py:tune")


def test_a_users_file_in_a_package_is_covered_with_the_files_beside_it(project: Path) -> None:
    write(project, {"mine/tool.py": "import peer"})
    assert names("mine/tool.py:f") == {"mine/tool.py:f", "peer.py", "nearby.py"}


def test_a_users_module_is_covered_with_its_package(project: Path) -> None:
    assert names("mine.deep:f") == {"mine.deep:f", "mine/__init__.py", "mine/peer.py", "nearby.py"}
    assert "mine.deep" not in sys.modules


def test_a_users_file_elsewhere_sees_its_neighbours_and_the_working_folder(project: Path) -> None:
    assert names("far/hook.py:f") == {"far/hook.py:f", "beside.py", "nearby.py"}


def test_the_digest_of_a_reference_is_that_of_its_file(project: Path) -> None:
    before = hash_user_code("nearby.py:f")
    (project / "nearby.py").write_text("x = 1")
    assert before == {"nearby.py:f": hashlib.sha256(b"").hexdigest()}
    assert hash_user_code("nearby.py:f") == {"nearby.py:f": hashlib.sha256(b"x = 1").hexdigest()}


def test_installed_code_is_covered_by_the_record_of_its_distribution() -> None:
    found = hash_user_code("click.core:Command")
    assert set(found) == {"click.core:Command", "click"}


def test_what_is_built_into_python_has_no_file() -> None:
    assert hash_user_code("sys:path") == {"sys:path": "built into Python"}


def test_the_standard_library_is_covered_by_the_file_alone() -> None:
    assert set(hash_user_code("json.decoder:JSONDecoder")) == {"json.decoder:JSONDecoder"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "gone.py:f",
            "`gone.py:f` cannot be loaded: expected a file gone.py, found none. "
            "Give a path relative to the working folder, `{here}`",
        ),
        (
            "gone.module:f",
            "`gone.module:f` cannot be loaded: expected a module gone.module, found none on the "
            "import path. Install its package, or name a file: path/to/file.py:name",
        ),
        (
            "mine.gone:f",
            "`mine.gone:f` cannot be loaded: expected a module mine.gone, found none on the "
            "import path. Install its package, or name a file: path/to/file.py:name",
        ),
    ],
)
def test_code_that_is_not_there_is_named(project: Path, reference: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        hash_user_code(reference)
    assert str(error.value) == message.format(here=Path.cwd())
