"""Output that appears whole or not at all; refused targets are among the hostile tests."""

import pytest

from prunepack.io.atomic import create_file, replace_file


def test_a_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "out"
    with create_file(path, force=False) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_at_the_end_of_the_block(durable, tmp_path):
    path, folder = tmp_path / "out", tmp_path / "scratch"
    path.write_bytes(b"old")
    folder.mkdir()
    with replace_file(path, folder=folder, durable=durable) as scratch:
        assert scratch.parent == folder
        scratch.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert not list(folder.iterdir())


def test_an_error_keeps_the_old_file(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def fail():
        with replace_file(path) as scratch:
            scratch.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert path.read_bytes() == b"old"
