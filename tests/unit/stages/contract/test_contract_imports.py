"""Importing the stages, and all of the pipeline, loads none of the heavy libraries."""

import pkgutil
import subprocess
import sys

import prunepack.stages

HEAVY = {"torch", "onnx", "onnx_ir", "onnxscript", "onnxruntime", "safetensors", "scipy"}
LIGHT = sorted(info.name for info in pkgutil.iter_modules(prunepack.stages.__path__))


def loaded_by(modules):
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
    code += "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_no_module_of_the_stages_loads_a_heavy_library():
    assert {"load", "prune", "verify", "gate"} <= set(LIGHT)
    loaded = loaded_by([f"prunepack.stages.{name}" for name in LIGHT])
    assert "prunepack.stages.verify" in loaded
    assert not loaded & HEAVY


def test_nor_does_the_pipeline():
    loaded = loaded_by(
        ["prunepack.pipeline.build", "prunepack.pipeline.plan", "prunepack.pipeline.cli"]
    )
    assert "prunepack.stages.export" in loaded
    assert not loaded & HEAVY
