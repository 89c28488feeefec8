"""Layers of a release are those of its files, under the names that torch knows."""

import pytest

from prunepack.reading.artifact import Artifact
from prunepack.reading.inspection import describe_tensors
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.details.layers import describe_layers
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.prune import PruneConfig, prune

SEQUENCE = """
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.second(self.first(x).relu())
"""


def test_layers_are_those_of_the_files(chain):
    layers = describe_layers(chain.dense_onnx, chain.onnx, chain.artifact)
    with Artifact.open(chain.artifact.file) as artifact:
        stored = {row.name: row for row in describe_tensors(artifact)}
    for layer in layers:
        row = stored[f"{layer.name}.weight"]
        assert (layer.shape, layer.weights, layer.bytes) == (
            row.shape,
            row.elements,
            row.stored_bytes,
        )
        assert layer.zeros / layer.weights == row.zero_fraction
        assert sum(layer.histogram.pruned) == layer.weights - layer.zeros
        assert sum(layer.histogram.dense) == layer.weights
    pictured = {layer.name: (len(layer.mask), len(layer.mask[0])) for layer in layers if layer.mask}
    assert pictured == {"conv2": (16, 54), "fc1": (32, 96), "fc2": (32, 96)}


def test_layers_without_a_dense_model_and_an_artifact(chain):
    layers = describe_layers(None, chain.onnx, None)
    assert {layer.bytes for layer in layers} == {None}
    assert {layer.histogram.dense for layer in layers} == {()}


@pytest.mark.parametrize("amount", [0.0, 0.5])
def test_a_transposed_weight_has_its_name_in_torch(run, write, amount):
    """The exporter turns the weight of a matrix product."""
    model = f"{write(SEQUENCE)}Model"
    dense = run(load, LoadConfig(model=model, inputs=(InputSpec(shape=(5, 4)),)))
    masked = run(prune, PruneConfig(amount=amount), dense)
    onnx = run(export, ExportConfig(), run(finalize, FinalizeConfig(), masked))
    layers = {layer.name: layer.shape for layer in describe_layers(None, onnx, None)}
    assert layers == {"first": (6, 4), "second": (3, 6)}
