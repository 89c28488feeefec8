"""Sizes of distributions and time of an import, measured in this environment."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.install import LIST_SIZES, time_import


def test_every_distribution_is_weighed():
    done = subprocess.run([sys.executable, "-c", LIST_SIZES], capture_output=True, check=True)
    sizes = json.loads(done.stdout)
    (numpy,) = (one for name, one in sizes.items() if name.startswith("numpy "))
    assert 20e6 < numpy["files"] < 200e6
    assert all(min(kinds.values()) >= 0 for kinds in sizes.values())


def test_an_import_takes_time():
    found = time_import(Path(sys.executable).parent, "prunepack.Artifact", runs=3)
    assert 0 < found["least"] <= found["median"] <= found["most"] < 30
    assert found["runs"] == 3
