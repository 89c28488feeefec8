"""Commands that compare files: the forms that they stand for, and their errors."""

import onnx
import pytest
from onnx import helper

from prunepack import pack
from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.cli.commands.comparison import measure_command, verify_command
from tests.unit.stages.graphs.models import make_model, two_layers


@pytest.fixture
def verify(tmp_path):
    onnx.save(two_layers(), tmp_path / "a.onnx")
    onnx.save(two_layers(zeros=0.5), tmp_path / "b.onnx")
    pack(tmp_path / "b.onnx", tmp_path / "b.prunepack")

    def verify(*names, command=verify_command):
        words = [str(tmp_path / name) for name in names]
        command.main([*words, "-o", str(tmp_path / "out")], standalone_mode=False)

    return verify


def test_one_model_is_not_enough(verify):
    with pytest.raises(UsageError) as refused:
        verify("a.onnx")
    error = refused.value
    assert error.what == "verify cannot compare 1 model"
    assert error.expected == "2 or 3 files (DENSE PRUNED), or 4 folders (DENSE FINAL ONNX ARTIFACT)"
    assert error.found == "1"
    with pytest.raises(UsageError) as refused:
        verify("a.onnx", "a.onnx", "a.onnx", "a.onnx", command=measure_command)
    assert refused.value.what == "measure cannot compare 4 models"


def test_a_pruned_model_in_one_form_twice(verify, tmp_path):
    with pytest.raises(UsageError) as refused:
        verify("a.onnx", "b.onnx", "b.onnx")
    error = refused.value
    assert error.what == "the pruned model is given twice in the same form"
    assert error.expected == "DENSE PRUNED, or DENSE PRUNED.onnx PRUNED.prunepack"
    assert error.found == " ".join(str(tmp_path / n) for n in ("a.onnx", "b.onnx", "b.onnx"))
    assert error.hint == "Compare each of them with the dense model in a run of its own"


def test_three_files(verify, tmp_path):
    verify("a.onnx", "b.onnx", "b.prunepack")
    content = (tmp_path / "out" / "parity.json").read_text()
    assert '"similarity.mean_cosine"' in content
    assert '"parity.session.differing_values"' in content


def test_models_with_other_inputs(verify, tmp_path):
    node = helper.make_node("Relu", ["z"], ["scores"])
    model = make_model([node], {"z": ["batch", 4]}, {"scores": ["batch", 4]}, {})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(RefusedError) as refused:
        verify("a.onnx", "other.onnx")
    error = refused.value
    assert error.what == "the two models take other inputs"
    assert error.expected == "those of the dense model: x"
    assert error.found == "z in the onnx model"
    assert error.hint == "Give two files of the same network, with the same names of inputs"
