"""Packing, unpacking and verification on a system without POSIX extras (simulated)."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import helper, numpy_helper

HIDE = """
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in list(vars(os)):
    if name.startswith("sched_") or name in {
        "fchmod", "fchown", "pread", "pwrite", "preadv", "pwritev", "posix_fallocate", "getuid",
        "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "mkfifo", "sync", "fork",
    }:
        delattr(os, name)
"""

ROUND_TRIP = """
import prunepack
from pathlib import Path
from prunepack.reading.verification import check_soundness, find_mismatch

done = []
summary = prunepack.pack("m.onnx", "m.prunepack", progress=lambda *both: done.append(both))
prunepack.unpack("m.prunepack", "out")
prunepack.pack("m.onnx", "m.prunepack", force=True)
prunepack.unpack("m.prunepack", "out", force=True)
assert Path("out/m.onnx").read_bytes() == Path("m.onnx").read_bytes()
with prunepack.Artifact.open("m.prunepack") as artifact:
    check_soundness(artifact)
    assert find_mismatch(artifact, "m.onnx") is None
    assert artifact.digest == summary.digest
print("done")
"""

NO_FOLDER_HANDLES = """
from types import SimpleNamespace
from prunepack.io import atomic

def refuse(path, flags, *args):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied")
    return os.open(path, flags, *args)

atomic.os = SimpleNamespace(**{**vars(os), "name": "nt", "open": refuse})
"""


@pytest.fixture
def folder(tmp_path):
    weight = np.where(np.arange(2**21) % 9, 0, np.arange(2**21)).astype("<f4")
    tensors = [numpy_helper.from_array(weight, "w")]
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    return tmp_path


@pytest.mark.parametrize("windows", [False, True], ids=["posix", "windows"])
def test_an_artifact_makes_the_round_trip(windows, folder):
    code = HIDE + (NO_FOLDER_HANDLES if windows else "") + ROUND_TRIP
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")


def test_output_of_errors_fits_another_encoding(folder):
    code = HIDE + "import prunepack\nprunepack.unpack('m.onnx', 'out')"
    ran = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        cwd=folder,
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "cp1252"},
    )
    assert ran.returncode == 1
    assert "not a prunepack artifact" in ran.stderr.decode("cp1252")
