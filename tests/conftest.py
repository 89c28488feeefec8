"""Settings for all tests: one thread per process, because test processes share the cores.

Two OpenMP teams that wait for each other on the same cores are many times slower than one. The
garbage collector would walk again and again through torch and thousands of tests: it starts seldom,
and never meets what was there before the first test.
"""

import gc
import os

os.environ["OMP_NUM_THREADS"] = "1"
gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish():
    """Leave all that was imported and collected out of later garbage collections."""
    gc.freeze()
