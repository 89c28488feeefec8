"""Files that the code of a stage opened: which ones count, and when they changed."""

import importlib.metadata
import importlib.util
import multiprocessing
import os
import py_compile
import runpy
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from prunepack import errors
from prunepack.pipeline.keys.file_states import find_changed_files
from prunepack.pipeline.reads.files import OpenedFiles


@pytest.fixture
def opened(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(name)
    return OpenedFiles(tmp_path / "artifacts/.store")


def read_watched(opened, *readers):
    with opened.watch():
        for reader in readers:
            reader()
    return opened.identify_all(hashes_all=True)


def test_a_file_that_was_read_is_found_by_its_relative_path(opened):
    found = read_watched(opened, lambda: Path("a.txt").read_text())
    assert list(found) == ["a.txt"]
    assert find_changed_files(found) == []


def test_what_is_read_outside_of_the_block_does_not_count(opened):
    assert read_watched(opened) == {}
    Path("a.txt").read_text()
    assert opened.identify_all(hashes_all=True) == {}


def test_other_content_is_a_change_and_a_new_time_is_not(opened):
    found = read_watched(opened, lambda: Path("a.txt").read_bytes())
    os.utime("a.txt", (1, 1))
    assert find_changed_files(found) == []
    Path("a.txt").write_text("other")
    assert find_changed_files(found) == ["a.txt"]


def test_a_file_that_is_gone_is_a_change(opened):
    found = read_watched(opened, lambda: Path("a.txt").read_bytes())
    Path("a.txt").unlink()
    assert find_changed_files(found) == ["a.txt"]


def test_a_new_file_in_a_listed_folder_is_a_change(opened):
    found = read_watched(opened, lambda: sorted(Path().glob("*.txt")))
    assert list(found) == ["."]
    Path("c.txt").write_text("c")
    assert find_changed_files(found) == ["."]


@pytest.mark.parametrize(
    "search",
    [
        importlib.metadata.packages_distributions,
        lambda: importlib.metadata.version("numpy"),
        lambda: importlib.util.find_spec("a_module_of_nobody"),
    ],
)
def test_a_search_for_modules_and_packages_lists_no_folder_for_the_user(
    opened, monkeypatch, search
):
    """The folder of the recipe is on ``sys.path``, and a new file in it changes nothing."""
    monkeypatch.syspath_prepend(Path.cwd())
    assert read_watched(opened, search) == {}


def test_bytecode_in_a_listed_folder_is_no_change(opened):
    found = read_watched(opened, lambda: sorted(Path().glob("*.txt")))
    Path("__pycache__").mkdir()
    assert find_changed_files(found) == []


def test_arrays_and_memory_maps_count(opened):
    np.save("x.npy", np.zeros(3))
    Path("y.bin").write_bytes(bytes(12))
    found = read_watched(
        opened, lambda: np.load("x.npy"), lambda: np.memmap("y.bin", dtype="f4", mode="r")
    )
    assert list(found) == ["x.npy", "y.bin"]


def test_safetensors_counts_though_native_code_opens_it(opened):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    save_file({"w": torch.zeros(2)}, "w.safetensors")

    def load():
        from safetensors.torch import load_file as now

        return now("w.safetensors")

    assert list(read_watched(opened, load)) == ["w.safetensors"]
    assert load_file("w.safetensors")["w"].tolist() == [0.0, 0.0]


def test_what_the_run_wrote_or_removed_does_not_count(opened):
    def write_and_read():
        Path("cache.txt").write_text("made")
        Path("cache.txt").read_text()

    def read_temporary():
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).read_bytes()

    assert read_watched(opened, write_and_read, read_temporary) == {}


def test_libraries_python_the_system_and_the_store_do_not_count(opened, tmp_path):
    stored = tmp_path / "artifacts/.store/weights"
    stored.parent.mkdir(parents=True)
    stored.write_text("w")
    files = [np.__file__, os.__file__, "/proc/self/status", stored]
    files += [errors.__file__]
    assert read_watched(opened, *(Path(file).read_bytes for file in files)) == {}


def test_a_later_stage_has_read_what_a_module_read_when_it_was_imported(opened):
    read_watched(opened, lambda: Path("a.txt").read_text())
    assert list(read_watched(opened, lambda: Path("b.txt").read_text())) == ["a.txt", "b.txt"]


def test_a_file_that_changes_after_it_was_read_has_no_digest(opened):
    read_watched(opened, lambda: Path("a.txt").read_text())
    Path("a.txt").write_text("longer than before")
    assert opened.identify_all(hashes_all=True) is None


def test_a_module_that_comes_from_bytecode_counts_as_its_source(opened, tmp_path, monkeypatch):
    module = tmp_path / "elsewhere/helper.py"
    module.parent.mkdir()
    module.write_text("SCALE = 1\n")
    py_compile.compile(str(module))
    monkeypatch.syspath_prepend(module.parent)
    found = read_watched(opened, lambda: importlib.import_module("helper"))
    assert list(found) == [str(module)]
    monkeypatch.delitem(sys.modules, "helper")


def test_code_that_is_executed_by_hand_counts(opened):
    Path("part.py").write_text("X = 1")
    found = read_watched(
        opened,
        lambda: exec(compile(Path("part.py").read_text(), "part.py", "exec"), {}),
        lambda: runpy.run_path("part.py"),
    )
    assert list(found) == ["part.py"]


def test_a_database_counts(opened):
    with closing(sqlite3.connect("x.db")) as base:
        base.execute("create table t (a)")
    found = read_watched(opened, lambda: sqlite3.connect("x.db").close())
    assert list(found) == ["x.db"]


def test_files_of_a_forked_process_count(opened):
    def read_in_child():
        child = multiprocessing.get_context("fork").Process(target=Path("b.txt").read_text)
        child.start()
        child.join()

    assert list(read_watched(opened, read_in_child)) == ["b.txt"]


def test_files_that_the_workers_of_a_data_loader_read_count(opened):
    torch = pytest.importorskip("torch")

    class Files(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return len(Path(f"{'ab'[index]}.txt").read_text())

    loader = torch.utils.data.DataLoader(Files(), num_workers=1, multiprocessing_context="fork")
    found = read_watched(opened, lambda: list(loader))
    assert {"a.txt", "b.txt"} <= set(found)
