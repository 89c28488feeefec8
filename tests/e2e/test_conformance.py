"""Every model that others export comes back byte for byte, and does what it did before.

The models are those of the ``onnx`` wheel's backend tests, exports of small networks by both of
torch's exporters, and what onnxslim makes of these.
"""

import ctypes
import importlib
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
import onnxruntime as ort
import onnxslim
import pytest
import torch
from onnx import helper, numpy_helper
from onnx.backend.test.case import node as node_cases
from onnx.backend.test.loader import load_node_model_tests
from torch import nn

import prunepack
from prunepack.errors import PrunepackError

DATA = Path(onnx.backend.test.__file__).parent / "data"
FILES = [str(path.relative_to(DATA)) for path in sorted(DATA.rglob("*.onnx"))]
SAMPLED_OPERATORS = ["conv", "gemm", "gru", "if_", "loop", "lstm", "matmul", "scan", "sequence_map"]

ERRORS = (
    RuntimeError,
    PrunepackError,
    *(
        kind
        for kind in vars(ort.capi.onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
"""The exceptions of onnxruntime, which have no common class."""

CPU = ["CPUExecutionProvider"]


def check_round_trip(path, folder):
    """Pack and unpack; return the names of the stored tensors."""
    packed, out = folder / "packed", folder / "unpacked"
    prunepack.pack(path, packed, force=True)
    prunepack.unpack(packed, out, force=True)
    with prunepack.Artifact.open(packed) as artifact:
        for name in artifact.files:
            assert (out / name).read_bytes() == (path.parent / name).read_bytes(), path
        assert next(iter(artifact.files)) == path.name
        return list(artifact.tensors)


def test_all_files_of_the_backend_tests_are_here():
    """Fewer would mean that the wheel keeps them elsewhere now."""
    assert len(FILES) >= 149
    assert {name.partition("/")[0] for name in FILES} == {
        "light",
        "pytorch-converted",
        "pytorch-operator",
        "simple",
    }


@pytest.mark.parametrize("name", FILES)
def test_files_of_the_backend_tests_come_back(name, tmp_path):
    check_round_trip(DATA / name, tmp_path)


def outcome(start, inputs):
    """Say what a session makes of the inputs, to the last bit, or where it fails."""
    ort.set_seed(0)
    try:
        session = start()
    except ERRORS:
        return "does not start"
    names = [value.name for value in session.get_inputs()]
    try:
        if any(isinstance(value, onnx.TensorProto) for value in inputs):
            values = map(ort_value, inputs)
            outputs = session.run_with_ort_values(None, dict(zip(names, values, strict=True)))
        else:
            values = (np.asarray(v) if isinstance(v, np.generic) else v for v in inputs)
            outputs = session.run(None, dict(zip(names, values, strict=True)))
    except ERRORS:
        return "does not run"
    return [exactly(value) for value in outputs]


def ort_value(value):
    """Hand over a tensor; numpy lacks the types of those that come as ``TensorProto``."""
    if not isinstance(value, onnx.TensorProto):
        return ort.OrtValue.ortvalue_from_numpy(np.asarray(value))
    array = numpy_helper.to_array(value)
    bits = array.view(f"u{array.itemsize}")
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, value.data_type)


def exactly(value):
    """Return all that there is to compare of an output."""
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, ort.OrtValue):
        content = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
        return value.data_type(), value.shape(), content
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype == object else value.tobytes()
        return value.dtype, value.shape, content
    return value


def as_it_is(case):
    """Return the model of a case and what it is given."""
    ((inputs, _),) = case.data_sets
    return case.model, inputs


def with_inputs_as_weights(case):
    """Return the model with its tensor inputs as initializers, and the remaining inputs."""
    model, left = onnx.ModelProto(), []
    model.CopyFrom(case.model)
    ((inputs, _),) = case.data_sets
    for info, value in zip(model.graph.input, inputs, strict=False):
        if isinstance(value, onnx.TensorProto | np.ndarray | np.generic):
            is_proto = isinstance(value, onnx.TensorProto)
            weight = value if is_proto else numpy_helper.from_array(np.asarray(value))
            model.graph.initializer.add().CopyFrom(weight)
            model.graph.initializer[-1].name = info.name
        else:
            left.append(value)
    return model, left


def check_cases(cases, given, folder):
    """Run each case from its file and from an artifact; return all outcomes."""
    outcomes, different = [], []
    path, packed = folder / "model.onnx", folder / "packed"
    for case in cases:
        model, inputs = given(case)
        path.write_bytes(model.SerializeToString())
        check_round_trip(path, folder)
        plain = outcome(lambda: ort.InferenceSession(path, providers=CPU), inputs)
        ours = outcome(lambda: prunepack.open_session(packed, providers=CPU), inputs)
        outcomes.append(plain)
        if plain != ours:
            different.append((case.name, plain, ours))
    assert not different
    return outcomes


@pytest.mark.parametrize("given", [as_it_is, with_inputs_as_weights])
def test_node_tests_of_some_operators_do_the_same(given, tmp_path):
    for name in SAMPLED_OPERATORS:
        importlib.import_module(f"{node_cases.__name__}.{name}")
    wanted = tuple(f"test_{name.rstrip('_')}" for name in SAMPLED_OPERATORS)
    cases = [case for case in node_cases._NodeTestCases if case.name.startswith(wanted)]
    outcomes = check_cases(cases, given, tmp_path)
    assert sum(type(found) is list for found in outcomes) > 50


@pytest.mark.slow
@pytest.mark.parametrize("given", [as_it_is, with_inputs_as_weights])
def test_node_tests_fail_where_plain_onnxruntime_fails_and_nowhere_else(given, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the cases overflow on purpose
        cases = load_node_model_tests()
    outcomes = check_cases(cases, given, tmp_path)
    assert len(outcomes) > 1800
    assert sum(type(found) is list for found in outcomes) > 1000


@pytest.mark.parametrize("name", ["INT4", "UINT4", "FLOAT8E4M3FN", "FLOAT8E5M2", "INT8"])
def test_quantised_weights_do_the_same(name, tmp_path):
    """onnxruntime does not start on the newest version of the node tests of these."""
    dtype = onnx.TensorProto.DataType.Value(name)
    raw = np.random.default_rng(0).integers(0, 60, 9 * 7, np.uint8).tobytes()
    count = len(raw) * 2 if "INT4" in name else len(raw)
    weight = helper.make_tensor("w", dtype, [7, count // 7], raw, raw=True)
    scale = helper.make_tensor("s", onnx.TensorProto.FLOAT, [], [0.5])
    node = helper.make_node("DequantizeLinear", ["w", "s"], ["y"])
    output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", [], [output], [weight, scale])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert check_round_trip(path, tmp_path) == ["w"]
    plain = outcome(lambda: ort.InferenceSession(path, providers=CPU), [])
    assert type(plain) is list
    assert outcome(lambda: prunepack.open_session(tmp_path / "packed", providers=CPU), []) == plain


class Convolutions(nn.Module):
    """Takes images of shape (n, 1, 12, 12)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6)
        )
        self.head = nn.Linear(6 * 64, 10)

    def forward(self, x):
        return self.head(self.layers(x).flatten(1))


class Recurrence(nn.Module):
    """Takes token numbers of shape (n, 9); the embedding is the head as well."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(40, 16)
        self.lstm = nn.LSTM(16, 16, batch_first=True)
        self.head = nn.Linear(16, 40)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0])


class Attention(nn.Module):
    """Attention on features of shape (n, 9, 16), with a table that is not a parameter."""

    def __init__(self):
        super().__init__()
        self.register_buffer("positions", torch.linspace(0, 1, 9 * 16).reshape(9, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x):
        return self.layer(x + self.positions)


class Scripted(nn.Module):
    """Takes features of shape (n, 16); becomes ``If`` and ``Loop`` with weights inside."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(16, 16)
        self.two = nn.Linear(16, 16)

    def forward(self, x):
        if x.sum() > 0:
            x = self.one(x)
        for _ in range(x.shape[0]):
            x = self.two(x)
        return x


NETWORKS = {
    "convolutions": (Convolutions, torch.zeros(2, 1, 12, 12)),
    "half precision": (lambda: Convolutions().half(), torch.zeros(2, 1, 12, 12).half()),
    "recurrence": (Recurrence, torch.zeros(1, 9, dtype=torch.int64)),
    "attention": (Attention, torch.zeros(2, 9, 16)),
    "scripted": (lambda: torch.jit.script(Scripted()), torch.ones(3, 16)),
}
EXPORTS = [(name, False) for name in NETWORKS] + [
    pytest.param((name, True), marks=pytest.mark.slow)
    for name in NETWORKS
    if name != "scripted"  # only the older exporter takes a scripted module
]


@pytest.fixture(params=EXPORTS, ids=str, scope="module")
def exported(request, tmp_path_factory):
    """The path of an exported network."""
    name, dynamo = request.param
    build, example = NETWORKS[name]
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about deprecation and constants in the trace
        torch.onnx.export(build().eval(), (example,), path, dynamo=dynamo, verbose=False)
    return path


def test_exports_come_back(exported, tmp_path):
    names = check_round_trip(exported, tmp_path)
    assert any(name.endswith("weight") for name in names)
    assert len(names) >= 2


def test_exports_come_back_after_onnxslim(exported, tmp_path):
    slimmed = tmp_path / "slimmed" / "slim.onnx"
    slimmed.parent.mkdir()
    onnxslim.slim(str(exported), str(slimmed))
    assert len(check_round_trip(slimmed, tmp_path)) >= 2
