"""Sessions where sparse kernels cannot run: they are dense, and say so once."""

import logging
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack import list_sparse_layers, open_session, pack, sparse_session_options
from prunepack.errors import UsageError
from prunepack.sparse import library
from prunepack.sparse.native import native

built = pytest.mark.skipif(native is None, reason="installed without a compiler")

WEIGHT = np.diag(np.arange(1, 65, dtype=np.float32))
X = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)


@pytest.fixture
def model(tmp_path):
    make = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [make("x", TensorProto.FLOAT, ["n", 64])],
        [make("y", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(WEIGHT, "w")],
    )
    made = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(made, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch):
    monkeypatch.setattr(library, "_warned", set())


def check_dense(model, caplog, reason):
    for _ in range(2):
        session = open_session(model, sparse="auto")
        assert session.get_providers() == ["CPUExecutionProvider"]
        np.testing.assert_allclose(session.run(None, {"x": X})[0], X @ WEIGHT)
        assert list_sparse_layers(session) == []
        assert session.samples_per_pass is None
    assert [r.getMessage() for r in caplog.records] == [f"sparse kernels are not used: {reason}"]
    assert caplog.records[0].levelno == logging.WARNING


def test_without_the_native_library(model, monkeypatch, caplog):
    monkeypatch.setattr(library, "native", None)
    monkeypatch.setattr("prunepack.sparse.layers.native", None)
    reason = "the native library is not installed, because there was no C compiler"
    check_dense(model, caplog, reason)


@built
def test_with_an_onnxruntime_below_the_floor(model, monkeypatch, caplog):
    monkeypatch.setattr(onnxruntime, "__version__", "1.23.2")
    check_dense(model, caplog, "onnxruntime 1.23.2 is older than 1.24")


@built
def test_on_a_processor_without_avx2(model):
    code = (
        "import sys, logging; logging.basicConfig(format='%(message)s')\n"
        "from prunepack import open_session\n"
        "for _ in range(2):\n"
        "    print(open_session(sys.argv[1], sparse='auto').get_providers())"
    )
    environment = os.environ | {"PRUNEPACK_SPARSE_ARCH": "portable"}
    command = [sys.executable, "-c", code, str(model)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "['CPUExecutionProvider']\n" * 2
    assert done.stderr == (
        "sparse kernels are not used: the processor has no AVX2, or PRUNEPACK_SPARSE_ARCH "
        "forbids it\n"
    )


def test_options_without_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match="onnxruntime cannot be imported") as caught:
        sparse_session_options()
    assert caught.value.hint == "Install `prunepack[runtime]`"


def test_an_unknown_choice_of_layers():
    with pytest.raises(UsageError) as caught:
        sparse_session_options(layers="some")
    assert str(caught.value) == (
        "unknown choice of sparse layers: expected 'auto' or 'all', found 'some'. "
        "Choose one of these"
    )


def test_an_unknown_value_of_sparse(model):
    with pytest.raises(UsageError) as caught:
        open_session(model, sparse="yes")
    assert str(caught.value) == (
        "unknown value of `sparse`: expected 'off', 'auto' or 'all', found 'yes'. "
        "Choose one of these"
    )


def test_another_provider(model):
    with pytest.raises(UsageError) as caught:
        open_session(model, sparse="auto", providers=["CUDAExecutionProvider"])
    assert str(caught.value) == (
        "sparse kernels run on the CPU, not with provider CUDAExecutionProvider. "
        'Omit `providers`, or choose sparse="off"'
    )


def test_a_model_that_is_no_artifact(model):
    assert open_session(model, providers=["CPUExecutionProvider"]).run(None, {"x": X})
    with pytest.raises(UsageError) as caught:
        open_session(model, start="instant")
    assert str(caught.value) == (
        f"`{model}` is not an artifact, and `start` is for artifacts only. "
        "Omit `start`, or pack the model"
    )


@built
@pytest.mark.parametrize("start", [None, "optimised"])
def test_an_artifact(model, start):
    pack(model, model.with_suffix(".prunepack"))
    session = open_session(model.with_suffix(".prunepack"), start=start, sparse="all")
    assert library.PROVIDER in session.get_providers()
    assert [layer.is_sparse for layer in list_sparse_layers(session)] == [True]
    np.testing.assert_allclose(session.run(None, {"x": X})[0], X @ WEIGHT)


def test_an_instant_start(model):
    pack(model, model.with_suffix(".prunepack"))
    with pytest.raises(UsageError) as caught:
        open_session(model.with_suffix(".prunepack"), start="instant", sparse="auto")
    assert str(caught.value) == (
        "sparse kernels need an optimised graph: expected start='optimised', found "
        "start='instant'. "
        'Omit `start`, or choose sparse="off"'
    )
