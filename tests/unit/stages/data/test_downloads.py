"""Folder of fetched files, and the error when pip cannot download."""

from pathlib import Path

import pytest

from prunepack.errors import UsageError
from prunepack.stages.data.downloads import cache_folder, download_wheel


def test_the_cache_is_where_the_user_wants_it(monkeypatch):
    monkeypatch.delenv("PRUNEPACK_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "prunepack"
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache_folder() == Path("/cache/prunepack")
    monkeypatch.setenv("PRUNEPACK_CACHE", "~/mine")
    assert cache_folder() == Path.home() / "mine"


def test_pip_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UsageError) as caught:
        download_wheel("no-such-package==1.2.3", tmp_path)
    assert str(caught.value) == (
        "pip could not download no-such-package==1.2.3: found ERROR: No matching distribution "
        "found for no-such-package==1.2.3. Check the network and pip's configuration, then run "
        "the command again"
    )
