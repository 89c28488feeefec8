"""Importing costs nothing, and everything public is there."""

import subprocess
import sys

import pytest

import prunepack


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_loads_no_library():
    heavy = {"numpy", "zstandard", "pcodec", "onnxruntime", "onnx", "torch", "importlib.metadata"}
    out = run(
        "import sys; before = set(sys.modules); import prunepack; "
        "print(*(set(sys.modules) - before))"
    ).stdout.split()
    assert not heavy & set(out)


def test_reading_needs_no_build_side_library():
    out = run(
        "import sys, prunepack\n"
        "for name in prunepack.__all__: getattr(prunepack, name)\n"
        "print(*sys.modules)"
    ).stdout.split()
    assert not {"torch", "onnx", "onnxruntime", "click", "pydantic", "rich"} & set(out)


def test_every_public_name_is_there():
    for name in prunepack.__all__:
        assert getattr(prunepack, name) is not None
        assert name in dir(prunepack)
    assert prunepack.__version__.count(".") == 2


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'prunepack' has no attribute 'zip'"):
        _ = prunepack.zip
