"""From an artifact to a session, with no file written."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

import prunepack
from prunepack.errors import CorruptArtifactError, RefusedError, UsageError

CPU = ["CPUExecutionProvider"]
WEIGHT = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
INPUT = np.random.default_rng(1).normal(size=(2, 30)).astype(np.float32)


@pytest.fixture(params=["inside", "external"])
def packed(request, tmp_path, monkeypatch):
    path = pack(tmp_path, "MatMul", external=request.param == "external")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    yield path
    assert not list((tmp_path / "empty").iterdir())


def pack(folder, op, *, external):
    """Pack a model of one node, and take the model itself away."""
    tensor = numpy_helper.from_array(WEIGHT, "w")
    x = helper.make_tensor_value_info("x", 1, [2, 30])
    y = helper.make_tensor_value_info("y", 1, [2, 40])
    graph = helper.make_graph([helper.make_node(op, ["x", "w"], ["y"])], "g", [x], [y], [tensor])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    kwargs = {"save_as_external_data": external, "location": "w.bin", "size_threshold": 0}
    onnx.save_model(model, folder / "m.onnx", **(kwargs if external else {}))
    prunepack.pack(folder / "m.onnx", folder / "m.prunepack")
    for file in folder.glob("*.[ob]*n*"):
        file.unlink()
    return folder / "m.prunepack"


def test_a_session_computes_what_the_model_would(packed):
    session = prunepack.open_session(packed, providers=CPU)
    assert session.get_providers() == CPU
    np.testing.assert_allclose(session.run(None, {"x": INPUT})[0], INPUT @ WEIGHT, rtol=1e-5)


def test_options_reach_onnxruntime(packed):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = prunepack.open_session(packed, providers=CPU, session_options=options)
    assert session.get_session_options().intra_op_num_threads == 1


def test_by_default_what_the_machine_has(packed, capfd):
    session = prunepack.open_session(packed)
    assert session.get_providers()[-1] == CPU[0]
    assert capfd.readouterr().out == ""


def test_providers_with_options(packed):
    providers = [("CPUExecutionProvider", {})]
    assert prunepack.open_session(packed, providers=providers).get_providers() == CPU


def test_a_provider_that_does_not_exist(packed):
    with pytest.raises(UsageError) as caught:
        prunepack.open_session(packed, providers=["Abacus", *CPU])
    available = ", ".join(onnxruntime.get_available_providers())
    assert str(caught.value) == (
        f"onnxruntime has no provider Abacus: expected any of {available}. "
        "Choose one of these, or install the onnxruntime that has it"
    )


def test_a_provider_that_falls_back_in_silence(packed, monkeypatch):
    real = onnxruntime.get_available_providers()
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["Mock", *real])
    start = onnxruntime.InferenceSession

    def start_on_the_cpu(model, options, providers, enable_fallback):
        assert enable_fallback == 0
        return start(model, options, providers=CPU)

    monkeypatch.setattr(onnxruntime, "InferenceSession", start_on_the_cpu)
    with pytest.raises(UsageError) as caught:
        prunepack.open_session(packed, providers=["Mock", *CPU])
    assert str(caught.value) == (
        "provider Mock cannot be used on this machine: expected Mock, CPUExecutionProvider, "
        "found CPUExecutionProvider. Install what the provider needs, or ask for another"
    )


def test_default_providers_that_fail_to_load_are_skipped(packed, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*CPU, "A", "B"])
    start = onnxruntime.InferenceSession
    tried = []

    def only_the_cpu(model, options, providers, enable_fallback):
        tried.append(providers)
        if providers != CPU:
            raise RuntimeError("no such library")
        return start(model, options, providers=CPU)

    monkeypatch.setattr(onnxruntime, "InferenceSession", only_the_cpu)
    assert prunepack.open_session(packed).get_providers() == CPU
    assert tried == [["A", "B", *CPU], ["B", *CPU], CPU]


def test_without_onnxruntime(packed, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError) as caught:
        prunepack.open_session(packed)
    text = str(caught.value)
    assert text.startswith("onnxruntime cannot be imported (")
    assert text.endswith(". Install prunepack[runtime]")


@pytest.mark.parametrize("providers", [CPU, None])
def test_a_model_that_onnxruntime_refuses(providers, tmp_path):
    path = pack(tmp_path, "NoSuchOperator", external=False)
    with pytest.raises(RefusedError) as caught:
        prunepack.open_session(path, providers=providers)
    text = str(caught.value)
    assert text.startswith(f"onnxruntime cannot start on the model in {path} (")
    assert "NoSuchOperator" in text
    assert text.endswith(". Check the model and the providers with onnxruntime itself")


def test_a_damaged_artifact_starts_nothing(packed):
    data = bytearray(packed.read_bytes())
    data[-1] ^= 1
    packed.write_bytes(data)
    with pytest.raises(CorruptArtifactError, match="SHA-256"):
        prunepack.open_session(packed, providers=CPU)
