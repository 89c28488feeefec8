"""From an artifact to a session, with no file written."""

import ctypes
import gc
import math
import subprocess
import sys
import weakref

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import prunepack
from prunepack.errors import CorruptArtifactError, RefusedError, UsageError
from prunepack.runtime import launch
from prunepack.runtime import ort_weights as handover
from prunepack.sparse.library import PROVIDER

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


def test_a_session_leaves_the_arithmetic_of_its_thread_as_it_was(packed):
    """In a process of its own, since the first session of a process decides."""
    code = (
        "import math, sys, numpy as np, prunepack\n"
        "session = prunepack.open_session(sys.argv[1], providers=['CPUExecutionProvider'])\n"
        "feed = {i.name: np.zeros([2, *i.shape[1:]], np.float32) for i in session.get_inputs()}\n"
        "session.run(None, feed)\n"
        "print(math.log(5e-324 * float(sys.argv[2])), np.float32(1e-40) * np.float32(1) > 0)\n"
    )
    command = [sys.executable, "-c", code, str(packed), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(math.log(5e-324)), "True"]


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
    names = onnxruntime.get_available_providers()  # after a sparse session, with its own
    available = ", ".join(name for name in names if name != PROVIDER)
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
        "found CPUExecutionProvider. Install the libraries of the provider, or choose another "
        "provider"
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
    assert text.endswith(". Install `prunepack[runtime]`")


@pytest.mark.parametrize("providers", [CPU, None])
def test_a_model_that_onnxruntime_refuses(providers, tmp_path):
    path = pack(tmp_path, "NoSuchOperator", external=False)
    with pytest.raises(RefusedError) as caught:
        prunepack.open_session(path, providers=providers)
    text = str(caught.value)
    assert text.startswith(f"onnxruntime cannot start on the model in `{path}` (")
    assert "NoSuchOperator" in text
    assert text.endswith(". Check the model and the providers with onnxruntime itself")


def test_a_damaged_artifact_starts_nothing(packed):
    data = bytearray(packed.read_bytes())
    data[-1] ^= 1
    packed.write_bytes(data)
    with pytest.raises(CorruptArtifactError, match="SHA-256"):
        prunepack.open_session(packed, providers=CPU)


def test_an_unknown_way_to_start(packed):
    with pytest.raises(UsageError) as caught:
        prunepack.open_session(packed, start="slow")
    assert str(caught.value) == (
        "unknown way to start a session: expected 'optimised' or 'instant', found 'slow'. "
        "Choose one of these"
    )


def test_options_serve_one_session(large, tmp_path):
    model = large("convolution", tmp_path)
    for start in ("optimised", "instant"):
        options = onnxruntime.SessionOptions()
        prunepack.open_session(model, providers=CPU, session_options=options, start=start)
        with pytest.raises(UsageError) as caught:
            prunepack.open_session(model, providers=CPU, session_options=options, start=start)
        assert str(caught.value) == (
            "the session options belong to another session: expected options that served no other "
            "session. Make new SessionOptions for each session"
        )


def test_options_with_weights_of_the_same_name(large, tmp_path):
    model = large("convolution", tmp_path)
    with prunepack.Artifact.open(model) as artifact:
        arrays = artifact.read_tensors()
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(a) for name, a in arrays.items()}
    options = onnxruntime.SessionOptions()
    options.add_external_initializers(list(values), list(values.values()))
    with pytest.raises(UsageError) as caught:
        prunepack.open_session(model, providers=CPU, session_options=options)
    text = str(caught.value)
    assert text.startswith("onnxruntime refuses the weights with these session options (")
    assert text.endswith(
        "): expected options that served no other session. Make new SessionOptions for each session"
    )


def test_options_of_a_start_that_failed(packed, tmp_path):
    options = onnxruntime.SessionOptions()
    with pytest.raises(UsageError):
        prunepack.open_session(tmp_path / "none.prunepack", session_options=options)
    session = prunepack.open_session(packed, providers=CPU, session_options=options)
    assert session.get_inputs()


def test_a_plain_model_skips_providers_that_cannot_be_loaded(large, tmp_path, monkeypatch):
    start = onnxruntime.InferenceSession

    def refuse(model, options, providers, **rest):
        if providers[0] != CPU[0]:
            raise RuntimeError("no library")
        return start(model, options, providers=providers, **rest)

    path = large("convolution", tmp_path).with_suffix(".onnx")
    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["Other", *CPU])
    assert prunepack.open_session(path).get_providers() == CPU


def test_providers_cannot_be_changed_later(packed):
    session = prunepack.open_session(packed, providers=CPU)
    with pytest.raises(UsageError) as caught:
        session.set_providers(CPU)
    assert str(caught.value) == (
        "the providers of a session from an artifact cannot be changed. "
        "Call open_session again with other providers"
    )


class Attention(torch.nn.Module):
    """An embedding, a block of attention and a normalisation."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(200, 96)
        self.places = torch.nn.Embedding(16, 512)
        self.narrow = torch.nn.Linear(512, 96)
        self.block = torch.nn.TransformerEncoderLayer(96, 4, 192, batch_first=True)
        self.register_buffer("order", torch.arange(16))

    def forward(self, ids):
        return self.block(self.words(ids) + self.narrow(self.places(self.order)))


class Convolution(torch.nn.Module):
    """Convolutions, one of them before a normalisation that is folded into it."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 32, 3),
            torch.nn.ReLU(),
            torch.nn.Conv2d(32, 64, 3),
            torch.nn.BatchNorm2d(64),
            torch.nn.Flatten(),
            torch.nn.Linear(64 * 16, 10),
        )

    def forward(self, x):
        return self.layers(x)


def export(module, example, path):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter[torch.rand_like(parameter) < 0.8] = 0
    torch.onnx.export(
        module.eval(), (example,), path, dynamo=True, optimize=False, external_data=False
    )


def nested(path):
    """Save a model with a subgraph, a function and weights of several types and places."""
    rng = np.random.default_rng(0)
    inner, outer, half = (
        numpy_helper.from_array(rng.normal(size=(96, 96)).astype(dtype), name)
        for name, dtype in {"inner": np.float32, "outer": np.float32, "half": np.float16}.items()
    )
    y = helper.make_tensor_value_info("b", TensorProto.FLOAT, None)
    branches = {
        f"{side}_branch": helper.make_graph(
            [helper.make_node("MatMul", ["x", weight], ["b"])], side, [], [y], tensors
        )
        for side, weight, tensors in [("then", "inner", [inner]), ("else", "outer", [])]
    }
    twice = helper.make_function(
        "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 21)],
    )  # fmt: skip
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
        helper.make_node("Cast", ["m"], ["c"], to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["i"], **branches),
        helper.make_node("Twice", ["i"], ["t"], domain="own"),
        helper.make_node("Cast", ["half"], ["h"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["t", "h"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 96])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 96])],
        [outer, half],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    onnx.save_model(
        helper.make_model(graph, opset_imports=opsets, functions=[twice], ir_version=10), path
    )


EXAMPLES = {
    "attention": torch.randint(0, 200, (1, 16), generator=torch.Generator().manual_seed(0)),
    "convolution": torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)),
    "nested": torch.rand(2, 96, generator=torch.Generator().manual_seed(0)),
}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return a function that packs a model into a folder, and puts the model beside it."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    export(Attention(), EXAMPLES["attention"], folder / "attention.onnx")
    export(Convolution(), EXAMPLES["convolution"], folder / "convolution.onnx")
    nested(folder / "nested.onnx")

    def packed(name, target, *, external=False):
        model = onnx.load(folder / f"{name}.onnx")
        onnx.save_model(
            model, target / "m.onnx", save_as_external_data=external, location="d", size_threshold=0
        )
        prunepack.pack(target / "m.onnx", target / "m.prunepack")
        return target / "m.prunepack"

    return packed


def unoptimised():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    return options


@pytest.mark.parametrize("external", [False, True], ids=["inside", "external"])
@pytest.mark.parametrize("start", ["optimised", "instant"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_outputs_are_those_of_the_model_bit_for_bit(name, start, external, large, tmp_path, capfd):
    path = large(name, tmp_path, external=external)
    options = unoptimised() if start == "instant" else None
    plain = onnxruntime.InferenceSession(tmp_path / "m.onnx", options, providers=CPU)
    ours = prunepack.open_session(path, providers=CPU, start=start)
    feed = {plain.get_inputs()[0].name: EXAMPLES[name].numpy()}
    for expected, found in zip(plain.run(None, feed), ours.run(None, feed), strict=True):
        assert expected.tobytes() == found.tobytes()
    assert capfd.readouterr().err == ""


def test_an_instant_start_computes_with_the_decoded_arrays(large, tmp_path):
    session = prunepack.open_session(large("convolution", tmp_path), providers=CPU, start="instant")
    feed = {session.get_inputs()[0].name: EXAMPLES["convolution"].numpy()}
    assert session.run(None, feed)[0].any()
    value = session.shared_weights["layers.5.weight"]
    ctypes.memset(value.data_ptr(), 0, value.tensor_size_in_bytes())
    model = onnx.load(tmp_path / "m.onnx")
    (bias,) = (t for t in model.graph.initializer if t.name == "layers.5.bias")
    np.testing.assert_array_equal(session.run(None, feed)[0][0], numpy_helper.to_array(bias))


def test_the_table_of_an_embedding_is_shared_and_all_else_is_let_go(large, tmp_path, monkeypatch):
    decoded = []
    decode = handover.PackedModel.decode

    def watched(packed):
        model = decode(packed)
        decoded.append(weakref.ref(next(iter(model.others.values())).base))
        return model

    monkeypatch.setattr(handover.PackedModel, "decode", watched)
    session = prunepack.open_session(large("attention", tmp_path), providers=CPU)
    gc.collect()
    assert list(session.shared_weights) == ["words.weight"]
    assert [ref() for ref in decoded] == [None]


def test_weights_that_an_optimiser_reads_after_all_are_copied(large, tmp_path, monkeypatch):
    path = large("convolution", tmp_path)
    plain = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=CPU)
    monkeypatch.setattr(handover, "find_gather_tables", lambda _: {"layers.2.weight"})
    session = prunepack.open_session(path, providers=CPU)
    assert list(session.shared_weights) == ["layers.2.weight"]
    feed = {plain.get_inputs()[0].name: EXAMPLES["convolution"].numpy()}
    assert session.run(None, feed)[0].tobytes() == plain.run(None, feed)[0].tobytes()


def test_an_artifact_behind_a_link(large, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(large("attention", tmp_path / "real"))
    for start in ("optimised", "instant"):
        session = prunepack.open_session(tmp_path / "link", providers=CPU, start=start)
        assert session.shared_weights


@pytest.mark.parametrize(
    ("start", "large", "mode"),
    [
        (None, False, "optimised"),
        (None, True, "instant"),
        ("optimised", True, "optimised"),
        ("instant", False, "instant"),
    ],
)
def test_large_weights_start_instantly_and_say_so(start, large, mode, packed, monkeypatch, caplog):
    if large:
        monkeypatch.setattr(launch, "LARGE_BYTES", 0)
    options = onnxruntime.SessionOptions()
    prunepack.open_session(packed, providers=CPU, session_options=options, start=start)
    levels = onnxruntime.GraphOptimizationLevel
    optimised = options.graph_optimization_level != levels.ORT_DISABLE_ALL
    assert optimised == (mode == "optimised")
    told = [
        f'{packed}: the session starts as "instant", because the weights have 0.0 GB; with '
        'start="optimised" inference is faster, and the start takes twice this memory'
    ]
    assert caplog.messages == (told if large and start is None else [])
