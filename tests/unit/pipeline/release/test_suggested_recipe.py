"""A suggested recipe that somebody edited is told from one that the command wrote."""

import pytest

from prunepack.pipeline.release.suggested_recipe import add_digest, is_unedited

TEXT = "[prune]\namount = 0.9\n"


def test_the_text_as_it_was_written(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(add_digest(TEXT))
    assert path.read_text().startswith(TEXT)
    assert is_unedited(path)


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content + b"x = 1\n",
        lambda content: content.replace(b"0.9", b"0.8"),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\n" + content,
        lambda content: content[:-1],
        lambda content: content[: len(TEXT)],
        lambda content: content[:0],
    ],
)
def test_an_edited_text(tmp_path, edit):
    path = tmp_path / "a.toml"
    path.write_bytes(edit(add_digest(TEXT)))
    assert not is_unedited(path)


def test_a_file_that_cannot_be_read(tmp_path):
    assert not is_unedited(tmp_path)
    assert not is_unedited(tmp_path / "missing")
