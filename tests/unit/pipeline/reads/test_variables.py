"""Environment variables that user code reads: every way to read one, and only the user's."""

import os
import tempfile

import pytest

from prunepack.pipeline.reads.variables import (
    find_changed_variables,
    hash_variables,
    watch_variables,
)


def read_watched(code):
    names = set()
    with watch_variables(names):
        exec(compile(code, "user.py", "exec"), {"os": os})
    return hash_variables(names, os.environ)


@pytest.mark.parametrize(
    "code",
    [
        "os.environ['THRESHOLD']",
        "os.environ.get('THRESHOLD', '1')",
        "os.getenv('THRESHOLD')",
        "'THRESHOLD' in os.environ",
        "os.path.expandvars('$THRESHOLD/data')",
        "[os.environ[name] for name in os.environ if name == 'THRESHOLD']",
        "os.environ.setdefault('THRESHOLD', '2')",
        "dict(os.environ)",
        "os.environ.copy()",
    ],
)
def test_a_variable_that_is_read_is_found(code, monkeypatch):
    monkeypatch.setenv("THRESHOLD", "0.5")
    found = read_watched(code)
    assert "THRESHOLD" in found
    assert "0.5" not in str(found)
    assert find_changed_variables(found, os.environ) == []
    monkeypatch.setenv("THRESHOLD", "0.6")
    assert find_changed_variables(found, os.environ) == ["environment variable THRESHOLD"]


def test_a_variable_that_was_not_set_is_a_change_when_it_is(monkeypatch):
    monkeypatch.delenv("SUBSET", raising=False)
    found = read_watched("os.environ.get('SUBSET')")
    assert found == {"SUBSET": ""}
    monkeypatch.setenv("SUBSET", "")
    assert find_changed_variables(found, os.environ) == ["environment variable SUBSET"]


def test_variables_that_python_reads_for_itself_do_not_count(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert read_watched("import tempfile; tempfile.gettempdir()") == {}
    os.environ.get("PATH")
    assert read_watched("pass") == {}


def test_a_copy_of_all_variables_leaves_out_the_state_of_the_shell(monkeypatch):
    monkeypatch.setenv("SHLVL", "3")
    assert "SHLVL" not in read_watched("dict(os.environ)")
