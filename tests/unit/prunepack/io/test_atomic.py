"""Output that appears whole or not at all; refused targets are among the hostile tests."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from prunepack.errors import UsageError
from prunepack.io.atomic import create_file, create_folder, replace_file


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


def refuse_links(*_args, **_kwargs):
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=["links", "no links"])
def links(request, monkeypatch):
    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse_links)


def make_file(path):
    path.write_bytes(b"precious")


def make_folder(path):
    path.mkdir()
    (path / "precious.txt").write_bytes(b"precious")


def make_link(path):
    (path.parent / "target").write_bytes(b"precious")
    path.symlink_to("target")


def read_tree(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_file(path, appear=lambda _: None, *, force=False):
    with create_file(path, force=force) as file:
        file.write(b"new")
        appear(path)


def write_folder(path, appear=lambda _: None, *, force=False):
    with create_folder(path, ["a.txt"], force=force) as folder:
        (folder / "a.txt").write_bytes(b"new")
        appear(path)


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("write", [write_file, write_folder])
@pytest.mark.parametrize("appear", [make_file, make_folder, make_link])
def test_what_appears_meanwhile_is_never_replaced(write, appear, tmp_path):
    with pytest.raises(UsageError) as caught:
        write(tmp_path / "out", appear)
    assert str(caught.value) == (
        f"`{tmp_path / 'out'}` exists: found it appeared while the output was written. "
        "Choose another path, or replace it with --force"
    )
    assert set(read_tree(tmp_path).values()) == {b"precious"}
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "target"}


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("write", [write_file, write_folder])
def test_one_of_many_writers_wins(write, tmp_path):
    barrier = Barrier(3)

    def attempt(number):
        try:
            write(tmp_path / "out", lambda _: barrier.wait())
        except UsageError:
            return 0
        return 1

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(attempt, range(3))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("files", [["precious.txt"], ["a.txt", "precious.txt"]])
def test_force_spares_files_that_appear_in_the_folder(files, tmp_path):
    out = tmp_path / "out"
    write_folder(out)

    def appear(path):
        for name in files:
            (path / name).write_bytes(b"precious")

    with pytest.raises(UsageError) as caught:
        write_folder(out, appear, force=True)
    assert str(caught.value) == (
        f"`{out}` cannot be replaced: expected only files that this command writes, "
        "found precious.txt. Choose another path, or move these files away"
    )
    assert read_tree(tmp_path)["precious.txt"] == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_force_spares_a_file_in_the_place_of_the_folder(tmp_path):
    with pytest.raises(UsageError, match="cannot be replaced"):
        write_folder(tmp_path / "out", make_file, force=True)
    assert (tmp_path / "out").read_bytes() == b"precious"


def test_force_replaces_what_appears(tmp_path):
    write_file(tmp_path / "out", make_file, force=True)
    assert (tmp_path / "out").read_bytes() == b"new"
    write_folder(tmp_path / "folder", write_folder, force=True)
    assert read_tree(tmp_path / "folder") == {"a.txt": b"new"}


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(type(tmp_path), "touch", fail)
    with pytest.raises(UsageError) as caught:
        write_file(tmp_path / "out")
    assert str(caught.value) == (
        f"cannot write `{tmp_path / 'out'}` (No space left on device). "
        "Check the folder and the free space"
    )
