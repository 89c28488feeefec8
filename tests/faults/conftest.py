"""Fresh exports are made once for all planted faults."""

import pytest

from tests.faults.fresh_exports import share_fresh_exports


@pytest.fixture(autouse=True, scope="session")
def _share_fresh_exports():
    with share_fresh_exports():
        yield
