"""Exports that are refused, or that a remark tells about."""

import pytest
import torch
from torch import nn

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.exporting.kernels import check_layers
from prunepack.stages.load import LoadConfig, load

MODELS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)


class Loop(Net):
    def forward(self, x):
        return torch.stack([self.fc(one) for one in x])


class Tokens(Net):
    def forward(self, x):
        return self.fc(x).reshape(-1, int(x.shape[1]), 8)


class Special(Net):
    def forward(self, x):
        return torch.special.i1e(self.fc(x))


class Unread(Net):
    def forward(self, x, debug):
        return self.fc(x)


def double():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)).double()
"""
X = (InputSpec(name="x", shape=(8,)),)


@pytest.fixture
def loaded(run, write):
    def loaded(name, inputs):
        where = write(MODELS)
        return run(load, LoadConfig(model=f"{where}{name}", inputs=inputs)), f"{where}{name}"

    return loaded


def test_a_batch_axis_that_the_exporter_fixes(run, loaded, says):
    with says(
        RefusedError,
        "the exporter fixed the batch axis of `x` at 2: expected a dynamic axis, found axis 0 of "
        "size 2. Set export.dynamic_batch = false, or write forward() without loops over the "
        "batch and without int(x.shape[0])",
    ):
        run(export, ExportConfig(), loaded("Loop", X)[0])


def test_another_axis_that_the_exporter_fixes(run, loaded):
    source, _ = loaded("Tokens", (InputSpec(name="x", shape=("tokens", 8)),))
    with collect_remarks() as remarks:
        exported = run(export, ExportConfig(), source)
    assert remarks == ["the exporter fixed the axis `tokens` of `x` at 8"]
    assert exported.interface["axes"]["x"] == ["batch", 8, 8]


def test_an_operator_that_onnx_does_not_have(run, loaded, says):
    source, name = loaded("Special", X)
    with says(
        RefusedError,
        f"`{name}` cannot be exported: ONNX has no operator for prims.bessel_i1e: expected "
        "operators that torch.onnx knows, found prims.bessel_i1e. Write forward() without the "
        "function that needs it",
    ):
        run(export, ExportConfig(), source)


def test_an_operator_that_onnxruntime_does_not_have(run, loaded, says):
    image = InputSpec(name="input", shape=(3, 8, 8), dtype="float64")
    with says(
        RefusedError,
        "onnxruntime has no kernel for Conv in float64, which layers `0`, `1` need: expected "
        "float32, found float64. Return model.float() from the factory",
    ):
        run(export, ExportConfig(), loaded("double", (image,))[0])


def test_an_input_that_is_never_read(run, loaded):
    source, _ = loaded("Unread", (*X, InputSpec(name="debug", shape=(1,))))
    with collect_remarks() as remarks:
        exported = run(export, ExportConfig(), source)
    assert remarks == ["input `debug` is never read: no output depends on it"]
    assert list(exported.interface["axes"])[:2] == ["x", "debug"]


def test_any_other_failure_of_the_exporter(says):
    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.exporting.exporters import run_exporter

    class Breaks(nn.Module):
        def forward(self, x):
            if torch.compiler.is_exporting():
                raise ValueError("not here")
            return x

    with says(
        RefusedError,
        "`net.py:build` cannot be exported to ONNX: expected a forward() that torch.export can "
        "trace, found ValueError: not here. Set export.dynamic_batch = false if only the dynamic "
        'batch fails, or try export.exporter = "torchscript"',
    ):
        run_exporter(Breaks(), ModelSpec(model="net.py:build", inputs=X))


def test_a_recurrent_layer_with_a_projection_is_refused_by_name():
    check_layers(nn.ModuleDict({"lstm": nn.LSTM(8, 12), "gru": nn.GRU(8, 12)}))
    with pytest.raises(RefusedError) as caught:
        check_layers(nn.ModuleDict({"lstm": nn.LSTM(8, 12, proj_size=4)}))
    assert str(caught.value) == (
        "layer `lstm` cannot be exported: ONNX has no LSTM with a projection: expected "
        "proj_size = 0, found proj_size = 4. Put a Linear layer behind an LSTM without proj_size"
    )
