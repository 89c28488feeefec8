"""Settings for all tests: one thread per process, because test processes share the cores.

Two OpenMP teams that wait for each other on the same cores are many times slower than one. The
garbage collector would walk again and again through torch and thousands of tests: it starts seldom,
and never meets what was there before the first test. Hypothesis draws the same examples in every
run, however slow the machine is; ``--hypothesis-profile=default`` draws others.
"""

import gc
import os

from hypothesis import settings

os.environ["OMP_NUM_THREADS"] = "1"
gc.set_threshold(50_000, 20, 20)
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")
LONGEST = "tests/zoo/"
"""A file that takes long and starts last would leave all processes but its own without work."""


def pytest_collection_modifyitems(items):
    """Start with the files that take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish():
    """Leave all that was imported and collected out of later garbage collections."""
    gc.freeze()
