"""Export: the same bytes everywhere, the names of the state dict, any batch size."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from pydantic import ValidationError

import prunepack.stages.exporting.graph
from prunepack import pack, unpack
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.prune import PruneConfig, prune

MODELS = """
import torch
from torch import nn


def line():
    return nn.Linear(3, 2)


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(3, 5, bias=False)
        self.back = nn.Linear(5, 3)

    def forward(self, x, scale):
        hidden = self.wide(x) * scale
        return self.back(hidden.relu()), {"hidden": hidden}


class Undecided(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def normed():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    model[1].running_mean = torch.randn(4)
    model[1].running_var = torch.rand(4) + 0.5
    return model
"""


@pytest.fixture
def dense(run, write):
    def dense(factory, *shapes):
        names = ("x", "scale")
        inputs = tuple(
            InputSpec(name=name, shape=shape) for name, shape in zip(names, shapes, strict=False)
        )
        return run(load, LoadConfig(model=f"{write(MODELS)}{factory}", inputs=inputs))

    return dense


def collect(run, stage, config, *inputs):
    """Run a stage, and return its output and its remarks."""
    with collect_remarks() as remarks:
        return run(stage, config, *inputs), remarks


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def weights(path):
    return {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_lenet_runs_at_any_batch_size(chain, batch):
    pixels = torch.rand(batch, 1, 28, 28, generator=torch.Generator().manual_seed(batch))
    (found,) = session(chain.onnx.model).run(None, {"input": pixels.numpy()})
    with torch.no_grad():
        expected = open_model(chain.final)[0](pixels).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_initializers_are_the_state_dict_by_name_and_by_bytes(chain):
    state, found = open_model(chain.final)[0].state_dict(), weights(chain.onnx.model)
    assert state.keys() <= found.keys()
    for name, tensor in state.items():
        assert found[name].tobytes() == tensor.numpy().tobytes()


def test_nothing_says_where_or_from_what_it_was_exported(chain):
    model = onnx.load(chain.onnx.model)
    parts = [model, model.graph, *model.graph.node, *model.graph.initializer]
    parts += [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.functions]
    for part in parts:
        assert not part.doc_string
        assert not part.metadata_props
    data = chain.onnx.model.read_bytes()
    for word in (b".py", b"stack_trace", b"site-packages", b"forward"):
        assert word not in data
    for path in (Path.cwd(), Path(prunepack.stages.__file__).parent, chain.final.path):
        assert os.fsencode(path) not in data


def test_the_same_bytes_from_another_process_in_another_folder(chain, tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from prunepack.stages.contract.outputs import Checkpoint\n"
        "from prunepack.stages.export import ExportConfig, export\n"
        "export.body(ExportConfig(), Path(), Checkpoint(Path(sys.argv[1]), ''))\n"
    )
    command = [sys.executable, "-c", code, str(chain.final.path)]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    for name in OnnxModel.files:
        assert (tmp_path / name).read_bytes() == (chain.onnx.path / name).read_bytes()


def test_the_interface(chain, some_digits):
    assert chain.onnx.interface == {
        "inputs": [InputSpec(shape=(1, 28, 28)).model_dump(mode="json")],
        "outputs": ["output"],
        "paths": [""],
        "axes": {"input": ["batch", 1, 28, 28], "output": ["batch", 10]},
        "dataset": some_digits,
        "declared": {
            "inputs": [{"name": "input", "dtype": "float32", "axes": ["batch", 1, 28, 28]}],
            "outputs": [{"name": "output", "dtype": "float32", "axes": ["batch", 10]}],
        },
        "export": {
            "config": ExportConfig().model_dump(mode="json"),
            "versions": {name: version(name) for name in ("torch", "onnx-ir", "onnxscript")},
        },
    }
    opened = session(chain.onnx.model)
    assert [one.name for one in opened.get_inputs()] == ["input"]
    assert [one.name for one in opened.get_outputs()] == ["output"]


def test_a_linear_layer_on_sequences_and_several_outputs(run, dense, capfd):
    source = dense("Sequence", (4, 3), (1, 1))
    names = ("logits", "inner")
    exported = run(export, ExportConfig(output_names=names), source)
    assert "Traceback" not in capfd.readouterr().err
    state, found = open_model(source)[0].state_dict(), weights(exported.model)
    np.testing.assert_array_equal(found["wide.weight.T"], state["wide.weight"].numpy().T)
    assert {"back.bias", "back.weight.T", "wide.weight.T"} <= found.keys()
    assert exported.interface["outputs"] == list(names)
    x, scale = np.ones((3, 4, 3), np.float32), np.full((3, 1, 1), 2, np.float32)
    outputs = session(exported.model).run(names, {"x": x, "scale": scale})
    with torch.no_grad():
        logits, rest = open_model(source)[0](torch.from_numpy(x), torch.from_numpy(scale))
    np.testing.assert_allclose(outputs[0], logits.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs[1], rest["hidden"].numpy(), rtol=1e-5, atol=1e-6)


def test_outputs_without_names_are_numbered_and_the_opset_is_the_one_asked_for(run, dense):
    exported = run(export, ExportConfig(opset=21), dense("Sequence", (4, 3), (1, 1)))
    assert exported.interface["outputs"] == ["output_0", "output_1"]
    assert onnx.load(exported.model).opset_import[0].version == 21
    assert run.facts["opset"] == 21


def test_a_folded_batch_norm_keeps_every_zero_of_the_mask(run, dense):
    masked = run(prune, PruneConfig(amount=0.7), dense("normed", (2, 5, 5)))
    final = run(finalize, FinalizeConfig(), masked)
    exported = run(export, ExportConfig(), final)
    before = open_model(final)[0].state_dict()["0.weight"].numpy()
    after = weights(exported.model)["0.weight"]
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(before == 0, after == 0)
    assert (before == 0).mean() > 0.6


def test_a_fixed_batch_is_one_sample(run, dense):
    source = dense("line", (3,))
    exported = run(export, ExportConfig(dynamic_batch=False), source)
    opened = session(exported.model)
    assert opened.get_inputs()[0].shape == [1, 3]
    assert opened.run(None, {"x": np.ones((1, 3), np.float32)})[0].shape == (1, 2)


def test_weights_too_large_for_one_file_go_beside_it(run, chain, monkeypatch, tmp_path):
    monkeypatch.setattr(prunepack.stages.exporting.graph, "LARGEST_INLINE", 200_000)
    exported = run(export, ExportConfig(), chain.final)
    data = exported.path / "model.onnx.data"
    assert data.is_file()
    assert exported.size == data.stat().st_size + exported.model.stat().st_size
    assert run.facts["bytes"] == exported.size
    pack(exported.model, tmp_path / "m.prunepack")
    unpack(tmp_path / "m.prunepack", tmp_path / "out")
    for name in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "out" / name).read_bytes() == (exported.path / name).read_bytes()


def test_what_it_says(chain, run):
    again = run(export, ExportConfig(), chain.final)
    size = again.model.stat().st_size
    model = onnx.load(again.model)
    nodes, tensors = len(model.graph.node), len(model.graph.initializer)
    opset = model.opset_import[0].version
    assert run.facts == {
        "summary": f"{size:,} bytes, {nodes} nodes, {tensors} initializers, opset {opset}",
        "bytes": size,
        "nodes": nodes,
        "opset": opset,
    }
    assert again.model.read_bytes() == chain.onnx.model.read_bytes()


def test_the_wrong_number_of_output_names(run, dense, says):
    with says(UsageError, "export.output_names does not fit the model: expected 1 names, found 2"):
        run(export, ExportConfig(output_names=("a", "b")), dense("line", (3,)))


def test_two_outputs_of_one_name(run, dense, says):
    source = dense("Sequence", (4, 3), (1, 1))
    with says(
        UsageError,
        "export.output_names holds a name twice: expected different names, found `same`, `same`",
    ):
        run(export, ExportConfig(output_names=("same", "same")), source)


def test_outputs_named_like_an_input_and_a_weight(run, dense):
    source = dense("Sequence", (4, 3), (1, 1))
    exported, remarks = collect(run, export, ExportConfig(output_names=("x", "back.bias")), source)
    assert exported.interface["outputs"] == ["output_x", "output_back.bias"]
    assert remarks == [
        "output `x` is `output_x` in ONNX: an input or a weight has its name",
        "output `back.bias` is `output_back.bias` in ONNX: an input or a weight has its name",
    ]
    assert "back.bias" in weights(exported.model)


def test_an_output_with_the_name_of_another_value(run, dense):
    plain = run(export, ExportConfig(), dense("Sequence", (4, 3), (1, 1)))
    inner = onnx.load(plain.model).graph.node[0].output[0]
    names = ("logits", inner)
    source = dense("Sequence", (4, 3), (1, 1))
    exported = run(export, ExportConfig(output_names=names), source)
    assert exported.interface["outputs"] == ["logits", inner]


def test_an_opset_that_nothing_can_convert_to(run, dense, says, capfd):
    source = dense("line", (3,))
    with says(
        RefusedError,
        f"`{open_model(source)[1].model}` cannot be exported to this opset: expected opset 99, "
        "found opset 18. Set export.opset to one that torch, onnx and onnxscript support, or "
        "leave it out",
    ):
        run(export, ExportConfig(opset=99), source)
    assert "Traceback" not in capfd.readouterr().err


def test_a_model_that_cannot_be_exported(run, dense):
    source = dense("Undecided", (3,))
    with pytest.raises(RefusedError) as caught:
        run(export, ExportConfig(), source)
    message = str(caught.value)
    assert message.startswith(
        f"`{open_model(source)[1].model}` cannot be exported: forward() branches on the value of "
        "a tensor: expected a forward() whose path does not depend on values, found "
    )
    assert "data-dependent" in message
    assert message.endswith("Write the branch as torch.where or torch.cond")
    assert "\n" not in message


def test_an_opset_too_old_for_the_exporter():
    with pytest.raises(ValidationError, match="greater than or equal to 18"):
        ExportConfig(opset=17)


def test_the_interface_is_plain_json(chain):
    text = (chain.onnx.path / "interface.json").read_text()
    assert json.loads(text) == chain.onnx.interface
