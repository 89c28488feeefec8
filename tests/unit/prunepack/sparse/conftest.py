"""Sessions of these tests use the cautious rates of the native code, on every machine."""

import pytest


@pytest.fixture(autouse=True)
def _default_rates(monkeypatch):
    monkeypatch.setattr("prunepack.sparse.options.load_rates", lambda _: None)
