"""Identities of files: content, names in a folder, or sizes and times of large data."""

import os
from pathlib import Path

import pytest

from prunepack.pipeline.keys import file_states
from prunepack.pipeline.keys.file_states import find_changed_files, identify_files


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file_states, "LARGE", 1000)
    monkeypatch.setattr(file_states, "MANY", 4)
    return tmp_path


def identify(*paths, hashes_all=False):
    return identify_files([str(Path(path).resolve()) for path in paths], hashes_all=hashes_all)


def write_large(folder, byte=b"a"):
    (folder / "large.bin").write_bytes(byte * 1000)
    os.utime(folder / "large.bin", (5, 5))


def test_a_large_file_is_compared_by_size_and_time(folder):
    write_large(folder)
    found = identify("large.bin")
    assert found["large.bin"].startswith("size and time (1000, ")
    write_large(folder, b"b")
    assert find_changed_files(found) == []
    os.utime("large.bin", (6, 6))
    assert find_changed_files(found) == ["large.bin"]


def test_a_large_file_is_compared_by_content_if_that_is_asked_for(folder):
    write_large(folder)
    found = identify("large.bin", hashes_all=True)
    os.utime("large.bin", (6, 6))
    assert find_changed_files(found) == []
    write_large(folder, b"b")
    assert find_changed_files(found) == ["large.bin"]


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_many_files_of_a_folder_are_compared_together(folder, change):
    files = [folder / f"data/{number}.txt" for number in range(4)]
    files[0].parent.mkdir()
    for file in files:
        file.write_text("x")
    found = identify(*files)
    assert list(found) == ["data"]
    assert find_changed_files(found) == []
    if change == "edit":
        files[1].write_text("longer")
    elif change == "add":
        (folder / "data/new.txt").write_text("x")
    else:
        files[2].unlink()
    assert find_changed_files(found) == ["data"]


def test_a_few_files_of_a_folder_are_compared_one_by_one(folder):
    for name in "abcde":
        (folder / name).write_text(name)
    assert sorted(identify("a", "b", "c")) == ["a", "b", "c"]
    assert len(identify("a", "b", "c", "d", hashes_all=True)) == 4
