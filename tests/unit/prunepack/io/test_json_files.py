"""JSON files are read strictly: one meaning for every reader, and no more than fits."""

import os
from contextlib import contextmanager

import pytest

from prunepack.errors import RefusedError
from prunepack.io import json_files
from prunepack.io.json_files import read_json


@contextmanager
def says(kind, message):
    with pytest.raises(kind) as caught:
        yield
    assert str(caught.value) == message


def test_json_that_is_no_object(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("3")
    with says(RefusedError, f"`{path}` holds another JSON value: expected an object, found int"):
        read_json(path)


def test_json_in_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(RefusedError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"`{path}` cannot be read as JSON: found ")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('{"metrics": {"size": 1, "size": 2}}', "size"),
        ('{"a": [{"b": 1, "c": 2, "b": null}]}', "b"),
    ],
)
def test_a_key_twice(text, key, tmp_path):
    """Readers differ in which of the two they take."""
    path = tmp_path / "x.json"
    path.write_text(text)
    message = f"`{path}` cannot be read as JSON: found the key `{key}` twice in one object"
    with says(RefusedError, message):
        read_json(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "x.json"
    os.mkfifo(path)
    with says(RefusedError, f"`{path}` cannot be read as JSON: found it is not a regular file"):
        read_json(path)


def test_a_file_larger_than_any_report(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, "MOST_BYTES", 1000)
    path = tmp_path / "x.json"
    path.write_bytes(b" " * 1001)
    message = f"`{path}` cannot be read as JSON: found 1,001 bytes; the limit is 1,000"
    with says(RefusedError, message):
        read_json(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_deep_nesting(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RefusedError, match="cannot be read as JSON: found maximum recursion"):
        read_json(path)
