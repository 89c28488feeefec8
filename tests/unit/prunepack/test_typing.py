"""Types that a user's mypy sees in an installed wheel."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """\
import prunepack

reveal_type(prunepack.pack("m.onnx", "m.prunepack"))
reveal_type(prunepack.open_session("m.prunepack"))
reveal_type(prunepack.open_session("m.prunepack").get_inputs()[0].name)
with prunepack.Artifact.open("m.prunepack") as artifact:
    reveal_type(artifact.tensors)
    reveal_type(artifact.files)
try:
    prunepack.unpack("m.prunepack", "out")
except prunepack.PrunepackError as error:
    reveal_type(error.hint)
prunepack.pack("m.onnx", "m.prunepack", level="best")
"""

EXPECTED = [
    'Revealed type is "prunepack.packing.Summary"',
    'Revealed type is "prunepack.runtime.ort_types.Session"',
    'Revealed type is "str"',
    "fallback=prunepack.format.layout.TensorInfo]]",
    "fallback=prunepack.format.header.PackedFile]]",
    'Revealed type is "str | None"',
    'Argument "level" to "pack" has incompatible type',
]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment with our wheel and with numpy."""
    folder = tmp_path_factory.mktemp("user")
    source = folder / "source"
    names = (
        "prunepack",
        "stages",
        "pipeline",
        "pyproject.toml",
        "setup.py",
        "README.md",
        "LICENSE",
    )
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    for path in (ROOT / name for name in names if (ROOT / name).exists()):
        if path.is_dir():
            shutil.copytree(path, source / path.name, ignore=ignored)
        else:
            shutil.copy(path, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", folder, source], check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "prunepack/py.typed" in archive.namelist()
        archive.extractall(site)
    shutil.copytree(Path(np.__file__).parent, site / "numpy", ignore=shutil.ignore_patterns("*.so"))
    return folder / "venv" / "bin" / "python"


@pytest.mark.slow
def test_the_types_of_public_names_reach_a_user(python, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "program.py"]
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    ran = subprocess.run(
        mypy, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    *lines, _ = ran.stdout.splitlines()
    messages = [line for line in lines if line.startswith("program.py")]
    assert len(messages) == len(EXPECTED), ran.stdout
    for line, expected in zip(messages, EXPECTED, strict=True):
        assert expected in line
