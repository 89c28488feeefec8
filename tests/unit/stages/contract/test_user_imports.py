"""Imports of user code: files beside it, equal names in two folders, the working folder."""

import sys

import pytest

from prunepack.errors import UsageError
from prunepack.stages.contract.user_code import load_user_code


@pytest.fixture(autouse=True)
def import_state(tmp_path, monkeypatch):
    """Put the import path and the loaded modules back after each test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def put(folder, **modules):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_file_imports_the_files_beside_it(tmp_path):
    put(tmp_path / "project", layers="def net(): return 'net'", model="from layers import net")
    assert load_user_code("project/model.py:net")() == "net"


def test_two_folders_have_modules_of_the_same_name(tmp_path):
    code = "import part\ndef name(): return part.NAME"
    for folder in ("left", "right"):
        put(tmp_path / folder, part=f"NAME = '{folder}'", hook=code)
    left, right = (load_user_code(f"{folder}/hook.py:name") for folder in ("left", "right"))
    assert (left(), right(), left()) == ("left", "right", "left")


def test_an_import_inside_a_function_finds_the_files_of_its_own_folder(tmp_path):
    code = "def name():\n    import part\n    return part.NAME"
    for folder in ("left", "right"):
        put(tmp_path / folder, part=f"NAME = '{folder}'", hook=code)
    left, right = (load_user_code(f"{folder}/hook.py:name") for folder in ("left", "right"))
    assert (left(), right(), left()) == ("left", "right", "left")


def test_a_module_does_not_leak_into_another_folder(tmp_path):
    put(tmp_path / "left", part="", hook="import part\ndef name(): ...")
    put(tmp_path / "right", hook="import part\ndef name(): ...")
    load_user_code("left/hook.py:name")
    with pytest.raises(UsageError, match="No module named 'part'"):
        load_user_code("right/hook.py:name")


def test_a_module_beside_a_file_imports_lazily_after_the_call(tmp_path):
    late = "class Net:\n    def forward(self):\n        import part\n        return part.NAME"
    put(tmp_path / "project", part="NAME = 1", net=f"{late}\ndef build(): return Net()")
    assert load_user_code("project/net.py:build")().forward() == 1


def test_files_beside_each_other_share_one_import(tmp_path):
    put(
        tmp_path / "project",
        net="class Net: ...",
        hook="from net import Net\ndef net(): return Net",
    )
    model = load_user_code("project/net.py:Net")
    assert load_user_code("project/hook.py:net")() is model


def test_a_file_that_another_one_imported_is_not_imported_again(tmp_path):
    put(
        tmp_path / "project",
        net="class Net: ...",
        hook="from net import Net\ndef net(): return Net",
    )
    model = load_user_code("project/hook.py:net")()
    assert load_user_code("project/net.py:Net") is model


@pytest.mark.parametrize("name", ["pipeline", "stages"])
def test_a_package_of_the_working_folder_has_any_name(name, tmp_path):
    put(tmp_path / name, __init__="", net=f"from {name}.part import NAME\ndef build(): return NAME")
    put(tmp_path / name, part="NAME = 'mine'")
    put(tmp_path, hook=f"from {name}.net import build")
    assert load_user_code(f"{name}.net:build")() == "mine"
    assert load_user_code("hook.py:build")() == "mine"


def test_a_file_elsewhere_sees_the_same_modules_of_the_working_folder(tmp_path):
    put(tmp_path / "mine", __init__="", net="class Net: ...")
    put(tmp_path / "hooks", tune="from mine.net import Net\ndef net(): return Net")
    model = load_user_code("mine.net:Net")
    assert load_user_code("hooks/tune.py:net")() is model


def test_a_file_that_fails_is_imported_anew(tmp_path):
    put(tmp_path, net="1 / 0", hook="import net\ndef name(): return net.NAME")
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        load_user_code("net.py:build")
    put(tmp_path, net="NAME = 'repaired'")
    assert load_user_code("hook.py:name")() == "repaired"


def test_the_import_path_of_the_process_does_not_grow(tmp_path):
    put(tmp_path / "project", hook="def name(): ...")
    hook = load_user_code("project/hook.py:name")
    length = len(sys.path)
    hook()
    assert len(sys.path) == length
