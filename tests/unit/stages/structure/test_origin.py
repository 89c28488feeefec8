"""Comparison with a fresh export: decided for our files, undecided with a list for others."""

import json
import shutil

import numpy as np
import onnx
import pytest

from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.structure import fresh_export
from prunepack.stages.structure.fresh_export import describe_origin, list_versions
from prunepack.stages.structure.origin import compare_with_checkpoint
from tests.faults.graphs import change, insert


@pytest.fixture
def compared(chain, tmp_path):
    """Compares a copy of the export with its checkpoint, and returns values and remarks."""

    def compared(edit=None, record=None):
        folder = tmp_path / "onnx"
        shutil.copytree(chain.onnx.path, folder)
        if edit is not None:
            model = onnx.load(folder / "model.onnx")
            edit(model)
            onnx.save(model, folder / "model.onnx")
        if record is not None:
            (folder / "interface.json").write_text(json.dumps(record(chain.onnx.interface)))
        with collect_remarks() as remarks:
            found = compare_with_checkpoint(
                OnnxModel(folder, ""), chain.final, open_model(chain.final)[0]
            )
        return {name.removeprefix("parity."): one for name, one in found.items()}, remarks

    return compared


def clip(model):
    insert(model, "relu", ("Min", ["big"], {}))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1e5), "big"))


def zero_rows(model):
    def zeroed(array):
        array[:100] = 0
        return array

    change(model, "fc1.weight", zeroed)


def test_the_export_itself(compared):
    found, remarks = compared()
    assert remarks == []
    assert {name: (one.value, one.note) for name, one in found.items()} == {
        "weights.compared": (5, ""),
        "weights.changed_values": (0, ""),
        "weights.unaccounted": (0, ""),
        "graph.compared": (12, ""),
        "graph.unexplained_nodes": (0, ""),
    }


def test_a_changed_graph(compared):
    found, remarks = compared(clip)
    assert remarks == []
    assert found["graph.unexplained_nodes"].value == 1
    assert "(Min): a fresh export has no such node" in found["graph.unexplained_nodes"].note
    assert found["weights.unaccounted"].value == found["weights.changed_values"].value == 0


def test_changed_weights(compared):
    found, _ = compared(zero_rows)
    assert found["weights.changed_values"].note.startswith("fc1.weight[0, ")
    assert found["weights.changed_values"].value > 1000
    assert "fc1.weight differs in" in found["graph.unexplained_nodes"].note


def test_a_weight_that_is_not_there(compared):
    found, _ = compared(lambda model: change(model, "fc1.weight", lambda array: array + 1))
    assert found["weights.unaccounted"].note == "fc1.weight"


def drop(name):
    return lambda record: {key: value for key, value in record.items() if key != name}


def with_version(number):
    def changed(record):
        versions = record["export"]["versions"] | {"torch": number}
        return record | {"export": record["export"] | {"versions": versions}}

    return changed


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (drop("export"), "the file has no record of its export; 1 nodes differ: "),
        (with_version("1.0"), "torch 1.0 wrote the file, and "),
    ],
)
def test_the_file_of_another_exporter_is_undecided_with_a_list(compared, record, reason):
    found, remarks = compared(clip, record)
    assert "graph.unexplained_nodes" not in found
    assert "weights.unaccounted" not in found
    assert found["graph.compared"].value == 0
    assert found["graph.compared"].note.startswith(reason)
    assert "(Min): a fresh export has no such node" in found["graph.compared"].note
    assert remarks == [f"the nodes of the ONNX file are not judged: {found['graph.compared'].note}"]


def test_the_file_of_another_exporter_names_it_as_such(compared):
    def clip_elsewhere(model):
        clip(model)
        model.producer_name = "tf2onnx"

    found, _ = compared(clip_elsewhere, drop("export"))
    assert found["graph.compared"].note.startswith("another exporter wrote the file; 1 nodes ")


@pytest.mark.parametrize("name", ["conv1.weight", "fc1.weight", "fc2.weight"])
def test_the_file_of_another_model_is_not_that_of_another_exporter(compared, name):
    found, _ = compared(lambda model: change(model, name, lambda array: array + 1), drop("export"))
    note = found["graph.compared"].note
    assert note.startswith(
        f"the file has no record of its export; the weights `{name}` differ from the model's; "
    )
    assert "another exporter" not in note


def test_the_equal_file_of_another_exporter_is_decided(compared):
    found, remarks = compared(record=drop("export"))
    assert (found["graph.unexplained_nodes"].value, remarks) == (0, [])


def test_a_checkpoint_that_cannot_be_exported_again(compared, monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'onnxscript'")

    monkeypatch.setattr(fresh_export, "export_graph", fail)
    found, remarks = compared(zero_rows)
    assert found["graph.compared"].note == (
        "the checkpoint cannot be exported again: No module named 'onnxscript'"
    )
    assert found["weights.changed_values"].value > 1000
    assert len(remarks) == 1


def test_the_origin_of_a_file(monkeypatch):
    ours = {"export": {"versions": list_versions()}}
    assert describe_origin(ours, ()) == ""
    assert describe_origin(ours, ("com.microsoft", "x")) == (
        "another tool wrote operators of com.microsoft, x"
    )
    monkeypatch.setattr(fresh_export, "list_versions", lambda: 1 / 0)
    assert describe_origin({}, ()) == "the file has no record of its export"
    assert describe_origin({}, (), is_foreign=True) == "another exporter wrote the file"

    def fail():
        raise ImportError("onnxscript")

    monkeypatch.setattr(fresh_export, "list_versions", fail)
    assert describe_origin(ours, ()) == "onnxscript is not installed"
