"""Peak memory: of a fresh process that opens a model and runs it, and of nothing else."""

import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.errors import RefusedError
from prunepack.packing import pack
from prunepack.stages.profiling.memory import memory_metrics, peak_memory
from prunepack.stages.profiling.peak import Peak, read_high_water

CPU = ["CPUExecutionProvider"]
MEBIBYTE = 1 << 20
DO = "Look up a negative code as a signal; -9 means that the memory was exhausted"


def product(path, rows, columns):
    """Write a model that multiplies its input (n, rows) by a random matrix."""
    weight = np.random.default_rng(0).standard_normal((rows, columns), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", columns])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    return product(folder / "small.onnx", 16, 16), product(folder / "large.onnx", 4096, 4096)


def measured(path, rows, batch=1):
    return peak_memory(path, {"x": np.ones((batch, rows), np.float32)}, CPU, 1)


def test_the_weights_count_and_the_parent_does_not(models):
    ballast = np.ones(400 * MEBIBYTE, np.uint8)
    small, large = measured(models[0], 16), measured(models[1], 4096)
    assert ballast.all()
    assert 10 * MEBIBYTE < small.before < small.peak < 300 * MEBIBYTE
    assert 64 * MEBIBYTE < large.peak - large.before < 64 * 4 * MEBIBYTE
    assert large.before == pytest.approx(small.before, rel=0.1)


def test_the_batch_counts(models):
    one, many = measured(models[1], 4096, 1), measured(models[1], 4096, 2048)
    size = 2048 * 4096 * 4
    assert one.before + 0.9 * size < many.before < one.before + 1.5 * size, "the inputs, once"
    assert many.peak > one.peak + 0.9 * size


def test_a_packed_model(models, tmp_path):
    pack(models[1], tmp_path / "large.prunepack")
    found = measured(tmp_path / "large.prunepack", 4096)
    assert found.peak - found.before > 64 * MEBIBYTE


def test_a_relative_path(models, monkeypatch):
    monkeypatch.chdir(models[0].parent)
    assert measured(Path("small.onnx"), 16).peak > 0


def test_a_folder_named_like_a_package_of_ours_is_not_run(models, tmp_path, monkeypatch):
    (tmp_path / "prunepack").mkdir()
    (tmp_path / "prunepack" / "__init__.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    assert measured(models[0], 16).peak > 0


def test_a_process_that_fails(models, says):
    path = models[0].with_name("none.onnx")
    with pytest.raises(RefusedError) as caught:
        measured(path, 16)
    message = str(caught.value)
    assert message.startswith(
        f"the process that measures the memory of `{path}` failed: "
        f"expected exit code 0, found 1: prunepack.errors.RefusedError: onnxruntime cannot open "
    )
    assert message.endswith(DO)


def test_a_process_that_is_killed(models, says, monkeypatch):
    real = subprocess.run

    def killed(command, **options):
        code = f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
        return real([sys.executable, "-c", code], **options)

    monkeypatch.setattr(subprocess, "run", killed)
    with says(
        RefusedError,
        f"the process that measures the memory of `{models[0]}` failed: "
        f"expected exit code 0, found -9. {DO}",
    ):
        measured(models[0], 16)


def test_high_water_stays_where_it_was():
    before = read_high_water()
    ballast = np.ones(64 * MEBIBYTE, np.uint8)
    during = read_high_water()
    assert ballast.all()
    del ballast
    assert read_high_water() >= during > before - MEBIBYTE


def test_without_proc_it_is_what_the_system_says_of_the_process(monkeypatch):
    real = read_high_water()

    def read(path, *_, **__):
        raise OSError

    monkeypatch.setattr(Path, "read_text", read)
    assert read_high_water() >= real - MEBIBYTE


def test_a_system_that_says_nothing(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "Name: x\n")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert math.isnan(read_high_water())


def test_figures():
    found = memory_metrics(Peak(10.0, 4000.0), Peak(20.0, 1000.0), 32)
    assert {name: (one.value, one.unit, one.note) for name, one in found.items()} == {
        "memory.dense": (4000.0, "bytes", "a process that runs a batch of 32; 10 before the model"),
        "memory.pruned": (
            1000.0,
            "bytes",
            "a process that runs a batch of 32; 20 before the model",
        ),
        "memory.ratio": (0.25, "×", "pruned / dense, whole processes"),
    }


def test_the_process_by_hand(models, tmp_path):
    np.savez(tmp_path / "inputs.npz", x=np.ones((1, 16), np.float32))
    request = json.dumps({"model": str(models[0]), "providers": CPU, "threads": 1})
    command = [sys.executable, "-m", "prunepack.stages.profiling.memory", request]
    with (tmp_path / "inputs.npz").open("rb") as inputs:
        done = subprocess.run(command, stdin=inputs, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert 0 < found["before"] <= found["peak"]
