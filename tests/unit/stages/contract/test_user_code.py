"""User code by name: forms of the name, finding the source, errors."""

import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from prunepack.errors import UsageError
from prunepack.stages.contract.user_code import CodeName, find_source, is_user_code, load_user_code


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in the working folder that must not be imported to be found."""
    folder = tmp_path / "user_package_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text("COUNT = 1\n")
    (folder / "inner.py").write_text("def build():\n    return 'built'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "user_package_of_tests"
    for name in [name for name in sys.modules if name.startswith("user_package_of_tests")]:
        del sys.modules[name]


def test_a_colon_makes_a_name_of_user_code():
    assert is_user_code("file.py:build")
    assert is_user_code("package.module:build")
    assert not is_user_code("lenet")


@pytest.mark.parametrize("text", ["lenet", "a.b:c", "dir/file.py:name", "C:\\folder\\file.py:name"])
def test_good_forms(text):
    assert TypeAdapter(CodeName).validate_python(text) == text


@pytest.mark.parametrize("text", [":name", "file.py:", "file.py:two words", "file.py:7"])
def test_bad_forms(text):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(CodeName).validate_python(text)
    expected = "does not name user code: expected package.module:name or file.py:name"
    assert f"`{text}` {expected}" in str(caught.value)


def test_a_function_in_a_file(write):
    assert load_user_code(f"{write('def build(): return 3')}build")() == 3


def test_a_file_relative_to_the_working_folder(write, tmp_path, monkeypatch):
    write("def build(): return 4")
    monkeypatch.chdir(tmp_path)
    assert load_user_code("user.py:build")() == 4


def test_a_function_in_a_package_of_the_working_folder(package):
    assert load_user_code(f"{package}.inner:build")() == "built"
    assert load_user_code(f"{package}:COUNT") == 1


def test_a_file_of_a_package_imports_its_neighbours_by_relative_imports(package, tmp_path):
    inside = tmp_path / package / "inside"
    inside.mkdir()
    (inside / "__init__.py").write_text("")
    (inside / "net.py").write_text(
        "from .. import COUNT\n\n\ndef build():\n    from ..inner import build\n\n"
        "    return COUNT, build()\n"
    )
    build = load_user_code(f"{inside}/net.py:build")
    assert build() == (1, "built")


def test_a_package_beside_other_user_code_keeps_its_relative_imports(package, tmp_path):
    (tmp_path / package / "net.py").write_text(
        "def build():\n    from .inner import build\n\n    return build()\n"
    )
    other = tmp_path / "other"
    other.mkdir()
    (other / "data.py").write_text("def load():\n    return 5\n")
    build = load_user_code(f"{package}/net.py:build")
    assert load_user_code("other/data.py:load")() == 5
    assert build() == "built"


def test_finding_the_source_imports_nothing(package, tmp_path):
    found = find_source(f"{package}.inner:build")
    assert found.resolve() == (tmp_path / package / "inner.py").resolve()
    assert package not in sys.modules


def test_a_file_that_is_not_there(tmp_path, monkeypatch, says):
    monkeypatch.chdir(tmp_path)
    with says(
        UsageError,
        "`no.py:build` cannot be loaded: expected a file no.py, found none. "
        f"Give a path relative to the working folder, `{tmp_path}`",
    ):
        load_user_code("no.py:build")


@pytest.mark.parametrize("where", ["no_such_module", "user_package_of_tests.no", "json.no.no", "."])
def test_a_module_that_is_not_there(package, where, says):
    with says(
        UsageError,
        f"`{where}:build` cannot be loaded: expected a module {where}, found none on the import "
        "path. Install its package, or name a file: path/to/file.py:name",
    ):
        load_user_code(f"{where}:build")


def test_a_name_that_the_file_does_not_define(write, tmp_path, says):
    text = "def build(): ...\ndef _build_hidden(): ..."
    with says(UsageError, f"`{tmp_path}/user.py` defines no `biuld`. Did you mean `build`?"):
        load_user_code(f"{write(text)}biuld")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_a_file_that_fails_to_import(write, code, found, says):
    reference = f"{write(code)}build"
    before = set(sys.modules)
    with says(UsageError, f"`{reference}` cannot be loaded: found {found}"):
        load_user_code(reference)
    assert not {name for name in set(sys.modules) - before if name.startswith("prunepack_user")}


def test_a_file_with_a_syntax_error(write):
    with pytest.raises(UsageError, match=r"cannot be loaded: found SyntaxError: .*line 1"):
        load_user_code(f"{write('def build(:')}build")


def test_a_file_is_imported_once_and_again_when_it_changes(write, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    reference = f"{write('class Kind: number = 1')}Kind"
    first = load_user_code(reference)
    assert load_user_code(reference) is first
    write("class Kind: number = 2")
    assert load_user_code(reference).number == 2
