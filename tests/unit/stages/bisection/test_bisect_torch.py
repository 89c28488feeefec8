"""Bisecting a torch checkpoint and its export: the node, and the module behind it."""

import shutil

import numpy as np
import onnx
import pytest
import torch

from benchmarks.graph_faults import plant
from prunepack.errors import RefusedError
from prunepack.stages.bisection.bisect import BisectConfig, bisect
from prunepack.stages.bisection.module_names import find_module
from prunepack.stages.bisection.program import open_program
from prunepack.stages.bisection.torch_program import TorchProgram
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import Checkpoint
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.exporting.exporters import run_exporter
from prunepack.stages.graph_diff.graph import NodeGraph
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.checkpoints import open_model
from tests.unit.stages import small_graphs as small

MODELS = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean = torch.linspace(-1, 1, 4)

    def forward(self, x):
        return x + torch.relu(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.Sequential(Block(), Block())
        self.table = nn.Embedding(9, 4)
        self.head = nn.Linear(4, 5)

    def forward(self, image, word):
        pooled = self.blocks(image).mean((2, 3))
        return self.head(pooled + self.table(word)).softmax(-1), pooled


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.first(x).tanh())


class OneByOne(nn.Module):
    def forward(self, x):
        return torch.stack([sample.exp() for sample in x])
"""


@pytest.fixture
def net(run, write):
    """Two residual blocks with BatchNorm, an embedding, two outputs; and its export."""
    inputs = (InputSpec(name="image", shape=(4, 6, 6)), InputSpec(name="word", dtype="int64"))
    dense = run(load, LoadConfig(model=f"{write(MODELS)}Net", inputs=inputs))
    return dense, run(export, ExportConfig(), dense)


def compared(a, b, **config):
    return bisect(a, b, BisectConfig(**config))


def changed(exported, change):
    """Write the exported model anew after ``change``."""
    made = onnx.load(exported.model)
    change(made)
    path = exported.path.with_name(f"{exported.path.name}-changed.onnx")  # beside the output
    path.write_bytes(made.SerializeToString())
    return path


def test_lenet_agrees_in_every_form(chain):
    for a, b in (
        (chain.final.path, chain.onnx.path),
        (chain.onnx.path, chain.artifact.path),
        (chain.artifact.file, chain.onnx.model),
        (chain.onnx.path, chain.final.path),
    ):
        found = compared(a, b)
        assert found.agree, (a, b)
        assert found.matched == found.nodes
        assert found.differences == {}
        assert list(found.outputs.values()) != []


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("weights nudged by 1e-3", 0),
        ("two channels swapped", 1),
        ("bias dropped", 2),
        ("BatchNorm folded wrongly", 1),
        ("operator replaced", 4),
    ],
)
def test_a_fault_in_the_file_is_found_from_the_checkpoint(chain, kind, seed):
    names = []

    def change(made):
        names.append(plant(kind, made, np.random.default_rng(seed)))

    path = changed(chain.dense_onnx, change)
    found = compared(chain.dense.path, path, tolerance=1e-6)
    assert found.divergence.counterpart == names[0]
    assert found.divergence.confirmed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weight", "module"),
    [
        ("blocks.0.conv.weight", "blocks.0.conv (Conv2d), blocks.0.norm (BatchNorm2d)"),
        ("blocks.1.conv.weight", "blocks.1.conv (Conv2d), blocks.1.norm (BatchNorm2d)"),
        ("table.weight", "table (Embedding)"),
        ("head.weight", "head (Linear)"),
    ],
)
def test_the_module_is_the_one_that_holds_the_weight(net, weight, module):
    dense, exported = net
    path = changed(exported, lambda made: small.set_constant(made, weight, lambda w: w * 2))
    found = compared(dense.path, path)
    assert found.divergence.module == module
    assert found.divergence.confirmed
    assert any("differs in" in cause for cause in found.divergence.causes)


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "op"), [("weight.T", "MatMul"), ("bias", "Add")])
def test_of_several_nodes_for_one_operator_of_torch_the_right_one(run, write, weight, op):
    inputs = (InputSpec(name="x", shape=(5, 6)),)
    dense = run(load, LoadConfig(model=f"{write(MODELS)}Tokens", inputs=inputs))
    exported = run(export, ExportConfig(), dense)
    name = f"first.{weight}"
    path = changed(exported, lambda made: small.set_constant(made, name, lambda w: w + 1))
    found = compared(dense.path, path)
    assert (found.divergence.op, found.divergence.counterpart_op) == (op, op)
    assert found.divergence.module == "first (Linear)"
    assert " differs in " in found.divergence.causes[0]


@pytest.mark.slow
def test_an_operator_outside_any_layer_belongs_to_the_module_that_calls_it(net):
    dense, exported = net

    def change(made):
        next(one for one in made.graph.node if one.op_type == "Softmax").op_type = "LogSoftmax"

    found = compared(dense.path, changed(exported, change))
    assert found.divergence.op == "Softmax"
    assert found.divergence.counterpart_op == "LogSoftmax"
    assert found.divergence.module == "root (Net)"
    assert found.divergence.causes == ("the operator is Softmax in A and LogSoftmax in B",)


def test_two_files_tell_modules_by_the_names_of_weights(net):
    exported = net[1]
    path = changed(exported, lambda made: small.set_constant(made, "head.bias", lambda b: b + 1))
    assert compared(exported.path, path).divergence.module == "head"

    def change(made):
        next(one for one in made.graph.node if one.op_type == "Relu").op_type = "Sigmoid"

    assert compared(exported.path, changed(exported, change)).divergence.module == "near blocks"


@pytest.mark.slow
def test_metadata_of_the_exporter_tells_the_module_and_its_class(net):
    import onnx_ir

    module, spec = open_model(net[0])
    proto = onnx_ir.to_proto(run_exporter(module, spec).model)
    graph = NodeGraph(proto)
    told = {find_module(graph, node) for node in graph.nodes}
    assert {"table (Embedding)", "head (Linear)", "blocks.0 (Block)"} <= told
    for node in proto.graph.node:
        for one in node.metadata_props:
            one.value = "['not', 'what"
    assert "head" in {find_module(graph, node) for node in graph.nodes}


def test_values_of_a_checkpoint_are_those_of_the_module(net):
    module, spec = open_model(net[0])
    program = TorchProgram(module, spec, "net")
    inputs = {"image": small.weights(3, 4, 6, 6), "word": np.array([1, 8, 3])}
    heard = {}
    module.blocks[1].register_forward_hook(lambda *args: heard.update(block=args[2]))
    with torch.no_grad():
        softmax, pooled = module(*map(torch.from_numpy, inputs.values()))
    found = program.compute(program.graph.outputs, inputs)
    for name, expected in zip(program.graph.outputs, (softmax, pooled), strict=True):
        np.testing.assert_array_equal(found[name], expected.numpy())
    ends = [node.outputs[0] for node in program.graph.nodes if node.op == "Add"]
    (block, *_) = (
        value
        for value in program.compute(ends, inputs).values()
        if np.array_equal(value, heard["block"].numpy())
    )
    assert block.shape == (3, 4, 6, 6)
    assert program.runs == 2


def test_a_model_whose_batch_cannot_stay_open(run, write):
    inputs = (InputSpec(name="x", shape=(3,)),)
    dense = run(load, LoadConfig(model=f"{write(MODELS)}OneByOne", inputs=inputs))
    exported = run(export, ExportConfig(dynamic_batch=False), dense)
    found = compared(dense.path, exported.path, dynamic_batch=False)
    assert found.agree
    assert found.outputs


def test_a_checkpoint_with_masks_on_is_refused(chain):
    with (
        pytest.raises(RefusedError, match="is of the wrong kind: expected a Checkpoint"),
        open_program(chain.masked.path),
    ):
        pass


def test_a_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="holds no output of a stage"), open_program(tmp_path):
        pass


def test_an_artifact_leaves_nothing_behind(chain, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_program(chain.artifact.file) as program:
        assert program.folder.is_relative_to(tmp_path)
        assert len(program.graph.nodes) > 5
    assert not list(tmp_path.iterdir())


def test_weights_of_another_training_are_all_listed(chain, run):
    folder = run.folder()
    shutil.copytree(chain.dense.path, folder, dirs_exist_ok=True)
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "weights.safetensors")
    save_file({k: v + 0.1 for k, v in state.items()}, folder / "weights.safetensors")
    other = run(export, ExportConfig(), Checkpoint(folder, ""))
    found = compared(chain.dense_onnx.path, other.path)
    assert len(found.differences) == 5
    assert found.divergence.module == "conv1"
