"""Denormals in an exported file, or in the artifact of it."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import prunepack
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact
from prunepack.stages.structure.sparsity import measure_denormals


@pytest.mark.parametrize("form", ["onnx", "artifact"])
def test_denormals_of_all_constants_are_counted(form, tmp_path):
    words = np.array([1, 2, 0, 0x3F800000], np.int32)
    initializer, constant = (numpy_helper.from_array(words.view("f4"), name) for name in "wc")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=constant),
        helper.make_node("Sum", ["x", "w", "c"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, 1, [4]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [initializer])
    onnx.save_model(helper.make_model(graph), tmp_path / "model.onnx")
    prunepack.pack(tmp_path / "model.onnx", tmp_path / "model.prunepack")
    forms = {"onnx": OnnxModel(tmp_path, ""), "artifact": None}
    metrics = measure_denormals(forms[form], PackedArtifact(tmp_path, ""))
    assert metrics["weights.denormal"].value == 4
    assert metrics["weights.denormal"].note == "w (2), c (2)"
