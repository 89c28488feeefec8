"""Fresh exports are made once for all planted faults, and only for them."""

import pytest

from tests.faults.fresh_exports import share_fresh_exports


@pytest.fixture(scope="session")
def fresh_exports(tmp_path_factory):
    """Returns the folder of the fresh exports."""
    return tmp_path_factory.mktemp("fresh_exports")


@pytest.fixture(autouse=True)
def _share_fresh_exports(fresh_exports):
    with share_fresh_exports(fresh_exports):
        yield
