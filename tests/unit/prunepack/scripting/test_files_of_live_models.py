"""Export of live modules, and verification of files against them."""

import logging

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import prunepack
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.models.checkpoints import open_model

X = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))


def build(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    return prunepack.finalize(prunepack.prune(model, 0.5, scope="local"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model = build()
    path = prunepack.export(model, X, tmp_path_factory.mktemp("live") / "net.onnx")
    prunepack.pack(path, path.with_suffix(".prunepack"))
    return model, path


def test_the_file_computes_what_the_module_computes(exported):
    model, path = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": X[:3].numpy()})
    np.testing.assert_allclose(found, model(X[:3]).detach().numpy(), rtol=1e-5, atol=1e-6)
    names = {tensor.name for tensor in onnx.load(path).graph.initializer}
    assert names == set(model.state_dict())
    assert [file.name for file in sorted(path.parent.iterdir())] == ["net.onnx", "net.prunepack"]


def test_the_file_is_that_of_the_stage(lenet_run, tmp_path):
    model, _ = open_model(lenet_run.final)
    path = prunepack.export(model, {"input": torch.zeros(2, 1, 28, 28)}, tmp_path / "lenet.onnx")
    assert path.read_bytes() == lenet_run.exported.model.read_bytes()


def test_the_module_stays_as_it_is(exported, tmp_path):
    model = build().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    path = prunepack.export(model, X, tmp_path / "net.onnx", opset=20, output_names=["scores"])
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    written = onnx.load(path)
    assert written.opset_import[0].version == 20
    assert written.graph.output[0].name == "scores"


def test_paths_that_cannot_be_written(exported, tmp_path):
    model, path = exported
    with pytest.raises(UsageError, match="exists") as refused:
        prunepack.export(model, X, path)
    assert refused.value.hint == "Choose another path, or replace it with force=True"
    with pytest.raises(UsageError, match="is not the name of an ONNX file"):
        prunepack.export(model, X, tmp_path / "net.pt")
    with pytest.raises(UsageError, match="cannot be written") as refused:
        prunepack.export(model, X, tmp_path / "none" / "net.onnx")
    assert refused.value.hint == "Make the folder first"
    again = prunepack.export(model, X, tmp_path / "net.onnx")
    assert prunepack.export(model, X, again, force=True).read_bytes() == path.read_bytes()


def test_masks_must_be_permanent(exported, tmp_path):
    _, path = exported
    model = prunepack.prune(build(), 0.5)
    with pytest.raises(UsageError, match="still has pruning masks") as refused:
        prunepack.export(model, X, tmp_path / "net.onnx")
    assert refused.value.hint == "Call prunepack.finalize(model) first"
    assert "masks on 2 parameters, such as `0.weight`" in str(refused.value)
    with pytest.raises(UsageError, match="still has pruning masks"):
        prunepack.verify(model, path, X)


def test_a_module_that_cannot_be_exported(tmp_path):
    class Random(nn.Module):
        def forward(self, x):
            return x + torch.rand(1)

    with pytest.raises(RefusedError, match="the model answers differently each time"):
        prunepack.export(Random(), X, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_inputs_that_onnx_does_not_have(tmp_path):
    with pytest.raises(UsageError, match="cannot be an input of an ONNX model") as refused:
        prunepack.export(build(), X.to(torch.complex64), tmp_path / "net.onnx")
    assert refused.value.found == "complex64"


def test_an_input_without_a_batch_axis(tmp_path, caplog):
    class Scaled(nn.Module):
        def forward(self, x, scale):
            return x * scale

    with caplog.at_level(logging.WARNING, "prunepack"):
        path = prunepack.export(Scaled(), (X, torch.ones(16)), tmp_path / "net.onnx")
    assert (
        "input `scale` has no batch axis: its first axis is not that of the first input"
        in caplog.messages
    )
    shapes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in onnx.load(path).graph.input
    ]
    assert shapes == [["batch", 16], [16]]


@pytest.mark.parametrize("ending", [".onnx", ".prunepack"])
def test_an_honest_file_passes(exported, ending):
    model, path = exported
    result = prunepack.verify(model, path.with_suffix(ending), X)
    assert result.passed, result
    assert result.reasons == ()
    assert result.metrics["parity.torch_onnx.samples"].value >= 8
    assert ("parity.session.samples" in result.metrics) == (ending == ".prunepack")
    assert repr(result).startswith("<prunepack.Verification: passed: ")


@pytest.mark.parametrize("ending", [".onnx", ".prunepack"])
def test_a_file_of_other_weights_fails(exported, ending):
    _, path = exported
    result = prunepack.verify(build(seed=1), path.with_suffix(ending), X)
    assert not result.passed
    assert any("parity.torch_onnx.beyond_tolerance" in reason for reason in result.reasons)
    assert result.reasons[0] in repr(result)


def test_a_weight_that_no_sample_uses_is_found(exported):
    model = build()
    with torch.no_grad():
        model[0].weight[0, 0] += 1e-5
    result = prunepack.verify(model, exported[1], X)
    assert [reason.split()[0] for reason in result.reasons] == ["parity.weights.changed_values"]


def test_two_files(exported, tmp_path):
    _, path = exported
    assert prunepack.verify(path, str(path.with_suffix(".prunepack"))).passed
    other = prunepack.export(build(seed=1), X, tmp_path / "other.onnx")
    assert not prunepack.verify(path, other).passed
    similar = prunepack.verify(path, other, same=False)
    assert "similarity.mean_cosine" in similar.metrics


def test_verification_needs_inputs_and_files(exported, tmp_path):
    model, path = exported
    with pytest.raises(UsageError, match="needs inputs to run the module on") as refused:
        prunepack.verify(model, path)
    assert refused.value.hint == "Pass a batch of samples as third argument"
    with pytest.raises(UsageError, match=r"none\.onnx"):
        prunepack.verify(model, tmp_path / "none.onnx", X)
    with pytest.raises(UsageError, match=r"none\.prunepack"):
        prunepack.verify(path, tmp_path / "none.prunepack")
    with pytest.raises(UsageError, match=r"none\.onnx` is not a file"):
        prunepack.verify(tmp_path / "none.onnx", path)
    with pytest.raises(UsageError, match=r"the settings of prunepack\.verify are wrong"):
        prunepack.verify(path, path, samples=-1)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(RefusedError, match=r"text\.onnx"):
        prunepack.verify(model, tmp_path / "text.onnx", X)
