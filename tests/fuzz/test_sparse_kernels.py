"""The sparse kernels under AddressSanitizer and UndefinedBehaviorSanitizer."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "prunepack" / "sparse" / "native"
SOURCES = (
    *("kernel_avx2.c", "kernel_avx512.c", "kernel_portable.c", "layer.c", "matrix.c", "scratch.c"),
    *("work.c", "planes.c", "linear.c", "conv.c", "depthwise.c"),
)
FLAGS = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -lm -lpthread"


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    target = tmp_path_factory.mktemp("driver") / "kernels"
    files = [ROOT / "tests" / "fuzz" / "sparse" / "kernels.c", *(NATIVE / name for name in SOURCES)]
    command = ["gcc", f"-I{NATIVE}", *map(str, files), "-o", str(target), *FLAGS.split()]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
@pytest.mark.parametrize("architecture", ["avx512", "avx2", "portable"])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_layers(driver, architecture, seed):
    """Compare 300 random layers with plain loops; buffers end where the tensors do."""
    done = subprocess.run(
        [driver, str(seed), "300"],
        env=os.environ | {"PRUNEPACK_SPARSE_ARCH": architecture},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(": ok\n")
