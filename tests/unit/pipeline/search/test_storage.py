"""A storage that cannot be used, and a study of another recipe, are refused in words."""

import sys

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.search.storage import require_optuna
from tests.unit.pipeline.search.searches import Toy, join, make

pytest.importorskip("optuna")


def refuse(place, recipe=None, **settings):
    with pytest.raises(UsageError) as caught:
        join(place, recipe or make(), Toy(), **settings)
    return caught.value


def test_optuna_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError) as caught:
        require_optuna()
    assert str(caught.value) == (
        "`prunepack search` needs the package `optuna`: found `optuna` is not installed. "
        "Run `pip install 'prunepack[search]'`"
    )


@pytest.mark.parametrize("address", ["localhost:1", "nowhere.invalid"])
def test_an_unreachable_database_is_refused_without_its_password(address):
    error = refuse(f"postgresql://me:secret@{address}/db")
    assert error.what == f"the storage `postgresql://me@{address}/db` cannot be used"
    assert error.hint == "Check the address and the rights, then run the same command again"
    assert "secret" not in str(error)


def test_a_package_that_is_missing_for_a_database_is_named():
    error = refuse("mysql+aiomysql://localhost/db")
    assert error.hint == "Run `pip install 'prunepack[distributed]'`"


def test_an_unknown_kind_of_database_is_refused():
    assert "cannot be used" in refuse("cobol://localhost/db").what


@pytest.mark.parametrize("name", ["study.txt", "study"])
def test_a_file_that_is_no_storage_is_refused(tmp_path, name):
    error = refuse(tmp_path / name)
    assert error.what == f"`{tmp_path / name}` is not a storage"
    assert error.expected == (
        "postgresql://…, mysql://…, an SQLite file (.db) or a journal (.journal)"
    )


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "study.db").write_text("no database at all, " * 100)
    error = refuse(tmp_path / "study.db")
    assert error.what == f"the storage `{tmp_path / 'study.db'}` cannot be used"
    assert error.found == "file is not a database"


def test_a_damaged_database_is_refused(tmp_path):
    place = tmp_path / "study.db"
    join(place, make(trials=2), Toy())
    content = place.read_bytes()
    place.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    assert refuse(place).what == f"the storage `{place}` cannot be used"


@pytest.mark.parametrize("name", ["study.db", "study.journal"])
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    error = refuse(tmp_path / "file" / name)
    assert error.what == f"`{tmp_path / 'file'}` cannot be used"
    assert error.expected == "a folder that can be written to"
    assert error.hint.endswith("with --storage")


@pytest.mark.parametrize("name", ["study.db", "study.journal"])
def test_joining_begins_nothing(tmp_path, name):
    error = refuse(tmp_path / name, creates=False)
    assert error.what == f"the storage `{tmp_path / name}` does not exist"
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_does_not_exist_is_not_joined(tmp_path):
    (tmp_path / "study.journal").touch()
    error = refuse(tmp_path / "study.journal", creates=False)
    assert str(error) == (
        f"`{tmp_path / 'study.journal'}` has no study `toy`: expected a search that another worker "
        "has begun, found no study. Begin it with --storage, or name it with --study"
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"seed": 3}, "search.seed: 0 → 3"),
        ({"generation": 3}, "search.generation: 4 → 3"),
        ({"space": {"prune.amount": [0.5, 0.6]}}, "search.space.finetune.lr: "),
        ({"objectives": ["minimize size.artifact"]}, "search.objectives: [] → "),
    ],
)
def test_a_study_of_another_recipe_is_refused(tmp_path, change, found):
    join(tmp_path / "study.db", make(), Toy())
    error = refuse(tmp_path / "study.db", make(**change))
    assert error.what == "the study `toy` is of another recipe"
    assert error.expected == "the same settings, except search.trials"
    assert error.found.startswith(found)
    assert error.hint == "Name another study with --study"
    join(tmp_path / "study.db", make(trials=99), Toy())
