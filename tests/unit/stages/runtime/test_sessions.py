"""Sessions: the provider that was asked for or an error, and onnxruntime's errors as ours."""

import numpy as np
import onnx.parser
import onnxruntime
import pytest

from prunepack.errors import CorruptArtifactError, RefusedError, UsageError
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.runtime.providers import choose_providers, count_mismatches
from prunepack.stages.runtime.sessions import (
    find_fixed_batch,
    open_artifact_session,
    open_graph_session,
    open_onnx_session,
    run_session,
)

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
PIXELS = np.random.default_rng(0).random((5, 1, 28, 28), np.float32)
DO = "Install onnxruntime-gpu and a CUDA driver with its device, or choose provider cpu"


@pytest.fixture(scope="module")
def no_gpu(chain):
    if CUDA in open_onnx_session(chain.onnx.model, [*_listed(CUDA), CPU]).get_providers():
        pytest.skip("there is a CUDA device")


def _listed(name):
    return [name] if name in onnxruntime.get_available_providers() else []


def test_cpu_is_cpu(chain):
    assert choose_providers("cpu", chain.onnx.model) == [CPU]


def test_auto_falls_back_to_the_cpu_without_a_word(no_gpu, chain, capfd):
    assert choose_providers("auto", chain.onnx.model) == [CPU]
    assert capfd.readouterr() == ("", "")


def test_cuda_that_cannot_be_had_is_an_error(no_gpu, chain, says):
    found = CPU if _listed(CUDA) else f"an onnxruntime with {_available()} only"
    with says(
        UsageError,
        f"the CUDA execution provider cannot be used: expected a session on {CUDA}, "
        f"found {found}. {DO}",
    ):
        choose_providers("cuda", chain.onnx.model)


def _available():
    return ", ".join(onnxruntime.get_available_providers())


def test_an_onnxruntime_without_cuda(chain, monkeypatch, says):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    assert choose_providers("auto", chain.onnx.model) == [CPU]
    with says(
        UsageError,
        f"the CUDA execution provider cannot be used: expected a session on {CUDA}, "
        f"found an onnxruntime with {CPU} only. {DO}",
    ):
        choose_providers("cuda", chain.onnx.model)


class Granting:
    """Stands for a session on a machine where every provider that is listed can be had."""

    def __init__(self, *_, providers, **__):
        self._providers = providers

    def get_providers(self):
        return self._providers


@pytest.mark.parametrize(
    ("choice", "expected"), [("cpu", [CPU]), ("auto", [CUDA, CPU]), ("cuda", [CUDA])]
)
def test_where_there_is_cuda(chain, monkeypatch, choice, expected):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Granting)
    assert choose_providers(choice, chain.onnx.model) == expected


@pytest.mark.skipif(not _listed(CUDA), reason="an onnxruntime without CUDA")
def test_cuda_alone_does_not_fall_to_the_cpu(no_gpu, chain, capfd):
    with pytest.raises(RefusedError) as caught:
        open_onnx_session(chain.onnx.model, [CUDA])
    message = str(caught.value)
    assert message.startswith(f"onnxruntime cannot open `{chain.onnx.model}`: found ")
    assert "assigned to the default CPU EP" in message
    assert message.endswith("Choose provider auto to let nodes run on the CPU as well")
    with pytest.raises(RefusedError, match="assigned to the default CPU EP"):
        open_artifact_session(chain.artifact.file, [CUDA])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("providers", [[CPU], [CUDA, CPU]])
def test_the_cpu_is_no_fall_where_it_was_asked_for(chain, providers):
    session = open_onnx_session(chain.onnx.model, [one for one in providers if _listed(one)])
    assert session.get_providers()[-1] == CPU


def test_a_profile_is_written_where_it_should_be(chain, tmp_path):
    for number, session in enumerate(
        (
            open_onnx_session(chain.onnx.model, [CPU], profile=tmp_path / "0"),
            open_artifact_session(chain.artifact.file, [CPU], profile=tmp_path / "1"),
        )
    ):
        run_session(session, {"input": PIXELS})
        assert session.end_profiling().startswith(str(tmp_path / str(number)))
    assert len(list(tmp_path.iterdir())) == 2


def test_both_sessions_compute_the_same_bits(chain):
    sessions = (
        open_onnx_session(chain.onnx.model, [CPU]),
        open_artifact_session(chain.artifact.file, [CPU]),
    )
    one, other = (run_session(session, {"input": PIXELS})["output"] for session in sessions)
    assert one.tobytes() == other.tobytes()
    assert one.shape == (5, 10)


def test_threads_reach_onnxruntime(chain):
    for session in (
        open_onnx_session(chain.onnx.model, [CPU], 2),
        open_artifact_session(chain.artifact.file, [CPU], 2),
    ):
        assert session.get_session_options().intra_op_num_threads == 2


def test_sessions_on_another_provider_are_counted(chain):
    session = open_onnx_session(chain.onnx.model, [CPU])
    assert count_mismatches([CPU], session, session) == (0, f"{CPU}; got {CPU}")
    assert count_mismatches([CUDA, CPU], session, session) == (2, f"{CUDA}; got {CPU}")


@pytest.mark.parametrize("data", [None, b"", b"no model", b"\x08\x07"])
def test_a_file_that_is_no_model(tmp_path, data, capfd):
    path = tmp_path / "model.onnx"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(RefusedError) as caught:
        open_onnx_session(path, [CPU])
    assert str(caught.value).startswith(f"onnxruntime cannot open `{path}`: found ")
    assert capfd.readouterr() == ("", "")


def test_a_damaged_artifact(chain, tmp_path):
    data = bytearray(chain.artifact.file.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "m.prunepack").write_bytes(data)
    with pytest.raises(CorruptArtifactError):
        open_artifact_session(tmp_path / "m.prunepack", [CPU])


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ({"other": PIXELS}, "Required inputs (['input']) are missing from input feed (['other'])."),
        ({"input": PIXELS[:, :, :20]}, "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT"),
        ({"input": PIXELS.astype(np.float64)}, "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT"),
    ],
)
def test_inputs_that_the_model_does_not_take(chain, inputs, found):
    session = open_onnx_session(chain.onnx.model, [CPU])
    with pytest.raises(RefusedError) as caught:
        run_session(session, inputs)
    (name,) = inputs
    message = str(caught.value)
    assert message.startswith(f"onnxruntime cannot run the model on {name}: found {found}")
    assert message.endswith("Check that the files given are all of the same model")


def test_a_fixed_batch_is_run_in_parts(run, chain):
    fixed = run(export, ExportConfig(dynamic_batch=False), chain.final)
    session, free = (open_onnx_session(one.model, [CPU]) for one in (fixed, chain.onnx))
    assert (find_fixed_batch(session), find_fixed_batch(free)) == (1, None)
    whole, parts = (run_session(one, {"input": PIXELS})["output"] for one in (free, session))
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-5)


def test_a_changed_model_that_onnxruntime_cannot_use(tmp_path):
    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 18]> g (float[n] x) => (float[n] y) { y = Neg(x) }'
    )
    session = open_graph_session(model, tmp_path, ["y"], [CPU])
    assert run_session(session, {"x": np.ones(2, np.float32)})["y"].tolist() == [-1, -1]
    with pytest.raises(RefusedError, match="onnxruntime cannot open the changed model: found "):
        open_graph_session(model, tmp_path, ["z"], [CPU])
