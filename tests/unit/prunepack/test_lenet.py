"""A real export: LeNet with 90 % of its weights pruned by global magnitude."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import prunepack
from prunepack import Artifact, describe_tensors

DENSE_BYTES = 60_074 * 4


def build():
    """Return the LeNet of the size target, with trained-looking weights and 90 % zeros."""
    torch.manual_seed(0)
    pool = [nn.ReLU(), nn.MaxPool2d(2)]
    convolutions = [nn.Conv2d(1, 6, 3), *pool, nn.Conv2d(6, 16, 3), *pool]
    linear = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*convolutions, nn.Flatten(), *linear)
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    with torch.no_grad():
        for weight in weights:
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
        magnitudes = torch.cat([weight.abs().flatten() for weight in weights])
        threshold = magnitudes.kthvalue(int(0.9 * magnitudes.numel())).values
        for weight in weights:
            weight.copy_(torch.where(weight.abs() > threshold, weight, 0.0))
    return model.eval()


def strip(message):
    """Drop what an export stage drops: names of source files and lines of code."""
    for descriptor, value in message.ListFields():
        if descriptor.name in {"metadata_props", "doc_string"}:
            message.ClearField(descriptor.name)
        elif descriptor.message_type is not None:
            for child in [value] if hasattr(value, "ListFields") else value:
                strip(child)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lenet")
    program = torch.onnx.export(
        build(), (torch.zeros(2, 1, 28, 28),), dynamo=True, external_data=False, verbose=False
    )
    proto = program.model_proto
    strip(proto)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    program.save(folder / "split.onnx", external_data=True)
    return folder


def test_the_size_target(exported, tmp_path):
    summary = prunepack.pack(exported / "model.onnx", tmp_path / "model.prunepack")
    assert DENSE_BYTES < summary.source_bytes < DENSE_BYTES + 4000
    assert summary.source_bytes / summary.artifact_bytes > 9.5
    with Artifact.open(tmp_path / "model.prunepack") as artifact:
        zeros = sum(row.zero_fraction * row.elements for row in describe_tensors(artifact))
    assert 0.89 < zeros / 60_074 < 0.91


@pytest.mark.parametrize("name", ["model.onnx", "split.onnx"])
def test_there_and_back(name, exported, tmp_path):
    prunepack.pack(exported / name, tmp_path / "p")
    prunepack.unpack(tmp_path / "p", tmp_path / "out")
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == {"model.onnx": 1, "split.onnx": 2}[name]
    for file in files:
        assert file.read_bytes() == (exported / file.name).read_bytes()


@pytest.mark.parametrize("name", ["model.onnx", "split.onnx"])
def test_a_session_from_the_artifact_is_one_from_the_file(name, exported, tmp_path):
    prunepack.pack(exported / name, tmp_path / "p")
    x = np.random.default_rng(0).normal(size=(2, 1, 28, 28)).astype(np.float32)
    cpu = ["CPUExecutionProvider"]
    sessions = [
        prunepack.open_session(tmp_path / "p", providers=cpu),
        onnxruntime.InferenceSession(exported / name, providers=cpu),
    ]
    ours, theirs = (s.run(None, {s.get_inputs()[0].name: x})[0] for s in sessions)
    assert ours.tobytes() == theirs.tobytes()


def test_weights_come_back_by_name(exported, tmp_path):
    prunepack.pack(exported / "model.onnx", tmp_path / "p")
    state = build().state_dict()
    with Artifact.open(tmp_path / "p") as artifact:
        names = [name for name in artifact.tensors if name in state]
        assert len(names) >= 7
        for name in names:
            assert artifact.read_tensor(name).tobytes() == state[name].numpy().tobytes()
