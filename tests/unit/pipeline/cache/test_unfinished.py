"""Folders of unfinished actions: kept by a kill or an error, deleted by success."""

import pytest

from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cache.unfinished import keep_unfinished


def test_success_deletes_the_folder(tmp_path):
    with keep_unfinished(tmp_path / "key") as folder:
        assert folder == tmp_path / "key"
        (folder / "state").write_text("1")
    assert list(tmp_path.iterdir()) == []


def write_and_raise(folder, error):
    (folder / "state").write_text("123")
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_keeps_the_folder_for_the_next_run(tmp_path, error):
    with pytest.raises(error), keep_unfinished(tmp_path / "key") as folder:
        write_and_raise(folder, error)
    with keep_unfinished(tmp_path / "key") as folder:
        assert (folder / "state").read_text() == "123"


def test_an_error_leaves_no_empty_folder(tmp_path):
    with pytest.raises(ValueError, match="x"), keep_unfinished(tmp_path / "key"):
        raise ValueError("x")
    assert list(tmp_path.iterdir()) == []


def test_one_run_at_a_time_has_the_folder(tmp_path):
    with keep_unfinished(tmp_path / "key") as first, keep_unfinished(tmp_path / "key") as second:
        assert first == tmp_path / "key"
        assert second.is_dir()
        assert first != second
    assert not second.exists()


def test_garbage_collection_deletes_unfinished_actions(tmp_path):
    with Store(tmp_path) as store:
        with pytest.raises(ValueError, match="x"), store.resume("key") as folder:
            write_and_raise(folder, ValueError("x"))
        assert folder.exists()
        assert store.gc(set()).bytes == 3
        assert not folder.exists()
