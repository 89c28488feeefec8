"""An artifact is recognized whatever its name is."""

import pytest

from prunepack.format.container import MAGIC
from prunepack.reading.recognition import is_artifact


@pytest.mark.parametrize(
    ("content", "expected"),
    [(MAGIC, True), (MAGIC + b"x", True), (MAGIC[:-1], False), (b"", False)],
)
def test_the_first_bytes_decide(content, expected, tmp_path):
    file = tmp_path / "weights.bin"
    file.write_bytes(content)
    assert is_artifact(file) is expected


def test_a_folder_is_not_one(tmp_path):
    assert not is_artifact(tmp_path)
