"""Programs that compress a file: their results, their versions, and those that are missing."""

import sys
import zlib

import pytest

from benchmarks.size_programs import SIZE_PROGRAMS, SizeProgram, find_programs
from benchmarks.wheel_files import WHEEL_FILES

TO_STDOUT = (
    "import sys, zlib; sys.stdout.buffer.write(zlib.compress(open(sys.argv[1], 'rb').read()))"
)
TO_FILE = (
    "import sys, zlib; open(sys.argv[2], 'wb').write(zlib.compress(open(sys.argv[1], 'rb').read()))"
)


@pytest.mark.parametrize("words", [(TO_STDOUT, "IN"), (TO_FILE, "IN", "OUT")])
def test_the_result_is_a_file_or_the_output(words, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights " * 1000)
    program = SizeProgram((sys.executable, "-c", *words), (sys.executable, "--version"))
    assert program.measure(path) == len(zlib.compress(path.read_bytes()))
    assert program.read_version().endswith(" {}.{}.{}".format(*sys.version_info))


def test_a_version_that_is_not_shown():
    silent = SizeProgram((sys.executable,), (sys.executable, "-c", ""))
    assert silent.read_version().endswith(" (unknown version)")


def test_a_missing_program_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_programs() == {}
    lines = [f"{name} is not installed and left out" for name in SIZE_PROGRAMS]
    assert capsys.readouterr().err.splitlines() == lines


def test_twenty_files_are_pinned():
    assert len({file.sha256 for file in WHEEL_FILES}) == len({f.path for f in WHEEL_FILES}) == 20
    assert all(len(file.sha256) == 64 and "==" in file.wheel for file in WHEEL_FILES)
