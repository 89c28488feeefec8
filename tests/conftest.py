"""Settings for all tests: one thread per process, because test processes share the cores.

Two OpenMP teams that wait for each other on the same cores are many times slower than one.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
