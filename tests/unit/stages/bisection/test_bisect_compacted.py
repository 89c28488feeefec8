"""Bisecting a compacted file: a fault is named, and not the first layer with fewer channels."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from prunepack import pack
from prunepack.stages.bisection.bisect import bisect
from prunepack.stages.compact import CompactConfig, compact
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.prune import PruneConfig, prune
from tests.unit.stages.conftest import Workshop


@pytest.fixture(scope="module")
def models(tmp_path_factory, chain):
    """LeNet without half of its channels: the checkpoint, its export, and the compacted file."""
    work = Workshop(tmp_path_factory.mktemp("bisect-compacted"))
    masked = work(prune, PruneConfig(method="ln_structured", amount=0.5), chain.dense)
    final = work(finalize, FinalizeConfig(samples=1), masked)
    exported = work(export, ExportConfig(), final)
    return final.path, exported.model, work(compact, CompactConfig(), exported).model


def plant(source, target, name, change):
    """Write the file with one initializer changed, and return its path."""
    model = onnx.load(source)
    (tensor,) = (each for each in model.graph.initializer if each.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))
    onnx.save(model, target)
    return target


@pytest.mark.parametrize("reference", [0, 1], ids=["torch", "onnx"])
def test_a_compacted_file_agrees(models, reference):
    found = bisect(models[reference], models[2])
    assert found.agree
    assert "(compacted)" not in found.a


@pytest.mark.parametrize("reference", [0, 1], ids=["torch", "onnx"])
@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1", "fc2", "fc3"])
def test_the_layer_with_the_fault_is_named(models, tmp_path, reference, layer):
    faulty = plant(models[2], tmp_path / "faulty.onnx", f"{layer}.weight", lambda a: a * 1.25)
    found = bisect(models[reference], faulty)
    assert not found.agree
    assert found.divergence.module.partition(" ")[0] == layer
    assert found.divergence.confirmed
    assert found.divergence.causes[0].startswith(f"{layer}.weight differs in ")
    assert found.a.endswith(" (compacted)")
    assert found.matched == found.nodes


def test_a_fault_in_an_artifact(models, tmp_path):
    faulty = plant(models[2], tmp_path / "faulty.onnx", "fc2.weight", np.negative)
    pack(faulty, tmp_path / "faulty.prunepack")
    found = bisect(models[0], tmp_path / "faulty.prunepack")
    assert found.divergence.module == "fc2 (Linear)"


def test_a_fault_of_the_export_is_found_before_compaction(models, tmp_path):
    """The torch model is right, and its export in memory too: only the exported file is not."""
    faulty = plant(models[1], tmp_path / "faulty.onnx", "conv2.weight", lambda a: a * 1.25)
    found = bisect(models[0], faulty)
    assert found.divergence.module == "conv2 (Conv2d)"
    assert "(compacted)" not in found.a


def test_a_file_that_lost_other_channels_is_not_aligned(models, tmp_path):
    """A layer with an input too few is another model; its shape is what differs."""

    def cut(array):
        return array[:, :-1]

    faulty = plant(models[1], tmp_path / "faulty.onnx", "fc3.weight", cut)
    found = bisect(models[1], faulty)
    assert not found.agree
    assert any("fc3.weight is float32[10, 84] in A" in line for line in found.divergence.causes)
