"""ONNX files and artifacts as sources."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from prunepack import pack
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.source import load_graph
from prunepack.stages.load_onnx import LoadOnnxConfig, load_onnx
from tests.unit.stages.graphs.models import INT64, make_model, normal, two_layers


def save(tmp_path, model, name="net.onnx"):
    onnx.save(model, tmp_path / name)
    return tmp_path / name


def test_the_interface_is_read_from_the_graph(run, tmp_path):
    config = LoadOnnxConfig(model=str(save(tmp_path, two_layers())), dataset="mnist")
    loaded = run(load_onnx, config)
    assert run.facts["summary"] == "net.onnx: 208 weights"
    interface = loaded.interface
    (entry,) = interface.pop("inputs")
    assert (entry["name"], entry["shape"], entry["dtype"]) == ("x", [8], "float32")
    assert interface == {
        "outputs": ["scores"],
        "dataset": "mnist",
        "file": "net.onnx",
        "masked": [],
        "declared": {
            "inputs": [{"name": "x", "dtype": "float32", "axes": ["batch", 8]}],
            "outputs": [{"name": "scores", "dtype": "float32", "axes": ["batch", 4]}],
        },
    }


def test_an_artifact_is_unpacked(run, tmp_path):
    path = save(tmp_path, two_layers())
    pack(path, tmp_path / "net.prunepack")
    loaded = run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "net.prunepack")))
    assert loaded.model.read_bytes() == path.read_bytes()
    assert list(loaded.parts) == ["model.onnx"]


def test_zeros_are_told(run, tmp_path):
    config = LoadOnnxConfig(model=str(save(tmp_path, two_layers(zeros=0.5))))
    with collect_remarks() as remarks:
        loaded = run(load_onnx, config)
    assert loaded.masked == ["first.weight", "second.weight.T"]
    assert remarks == [
        "zeros taken as masks in `first.weight` (50.0 %), `second.weight.T` (50.0 %)",
        "torch stages skipped: the source is ONNX",
        "no dense reference: the source is pruned; name the dense file in load.dense",
    ]


@pytest.mark.parametrize(
    ("zeros", "masks", "count"),
    [(0.5, "none", 0), (0.5, "keep", 0), (0.1, "auto", 0), (0.1, "from_zeros", 2)],
)
def test_zeros_as_the_setting_says(tmp_path, zeros, masks, count):
    folder = tmp_path / "out"
    folder.mkdir()
    load_graph(save(tmp_path, two_layers(zeros=zeros)), folder, masks=masks)
    from prunepack.stages.contract.outputs import OnnxModel

    assert len(OnnxModel(folder, "").masked) == count


def test_an_artifact_of_a_checkpoint(run, tmp_path):
    save_file({"w": normal(3, 3)}, tmp_path / "w.safetensors")
    pack(tmp_path / "w.safetensors", tmp_path / "w.prunepack")
    with pytest.raises(RefusedError) as refused:
        run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "w.prunepack")))
    error = refused.value
    assert error.what == f"`{tmp_path / 'w.prunepack'}` holds no ONNX model"
    assert error.expected == "an .onnx file, or an artifact of one"
    assert error.found == "w.safetensors"
    assert error.hint == "Give the file that an exporter wrote, or that prunepack pack made of it"


def test_a_file_that_is_missing(run, tmp_path):
    with pytest.raises(UsageError, match="cannot open"):
        run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "no.onnx")))


def test_a_file_of_another_kind(run, tmp_path):
    (tmp_path / "net.onnx").write_text("<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(RefusedError, match="neither an ONNX model nor a safetensors checkpoint"):
        run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "net.onnx")))


def test_what_onnx_cannot_parse(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 20)
    with pytest.raises(RefusedError) as refused:
        read_model(tmp_path / "net.onnx")
    assert refused.value.what == f"`{tmp_path / 'net.onnx'}` cannot be read"
    assert refused.value.expected == "an ONNX model"


def test_a_model_without_outputs(tmp_path):
    with pytest.raises(RefusedError) as refused:
        read_model(save(tmp_path, make_model([], {"x": [1]}, {}, {})))
    error = refused.value
    assert error.what == f"`{tmp_path / 'net.onnx'}` has no outputs"
    assert (error.expected, error.found) == ("an ONNX model with outputs", "0 nodes")
    assert error.hint == "Give the .onnx file that an exporter wrote"


def test_the_size_of_a_dynamic_axis_is_found(run, tmp_path):
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[20, 20])
    model = make_model([node], {"x": ["n", 3, "h", "w"]}, {"y": None}, {})
    loaded = run(load_onnx, LoadOnnxConfig(model=str(save(tmp_path, model))))
    from prunepack.stages.contract.model_spec import InputSpec

    (spec,) = (InputSpec.model_validate(each) for each in loaded.interface["inputs"])
    sizes = getattr(spec, "sample_shape", spec.shape)
    assert tuple(sizes) == (3, 32, 32)


def test_no_size_runs(run, tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = make_model([node], {"x": ["n", "k"]}, {"y": None}, {"w": normal(77, 2)})
    with pytest.raises(RefusedError) as refused:
        run(load_onnx, LoadOnnxConfig(model=str(save(tmp_path, model))))
    error = refused.value
    assert error.what == "`net.onnx` runs on no random inputs"
    assert error.expected == "x['n', 'k']"
    assert "ONNXRuntimeError" in error.found
    assert error.hint == "Name the shapes of the inputs in load.inputs"


def test_an_input_of_text(run, tmp_path):
    node = helper.make_node("Identity", ["x"], ["y"])
    model = make_model(
        [node], {"x": (TensorProto.STRING, ["n"])}, {"y": (TensorProto.STRING, ["n"])}, {}
    )
    with pytest.raises(RefusedError) as refused:
        run(load_onnx, LoadOnnxConfig(model=str(save(tmp_path, model))))
    error = refused.value
    assert error.what == "the input `x` has a type that no sample can have"
    assert error.expected == "a tensor of numbers or booleans"
    assert error.hint == "Cut the model behind this input, and give the rest"


def test_integers_are_inputs_too(run, tmp_path):
    node = helper.make_node("Gather", ["table", "ids"], ["y"])
    model = make_model(
        [node], {"ids": (INT64, ["batch", "t"])}, {"y": None}, {"table": normal(9, 4)}
    )
    loaded = run(load_onnx, LoadOnnxConfig(model=str(save(tmp_path, model))))
    assert loaded.interface["inputs"][0]["dtype"] == "int64"


def test_what_is_no_program(run, tmp_path):
    (tmp_path / "net.pt2").write_text("no program")
    with pytest.raises(RefusedError) as refused:
        run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "net.pt2")))
    error = refused.value
    assert error.what == f"`{tmp_path / 'net.pt2'}` cannot be read"
    assert error.expected == "a program that torch.export.save wrote"
    assert error.hint == "Save it again with torch.export.save, under this version of torch"


def test_a_program_that_onnx_cannot_express(run, tmp_path):
    import torch

    class Histogram(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.qr(x).R

    program = torch.export.export(Histogram(), (torch.zeros(2, 2),))
    torch.export.save(program, tmp_path / "net.pt2")
    with pytest.raises(RefusedError) as refused:
        run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "net.pt2")))
    error = refused.value
    assert error.what == f"`{tmp_path / 'net.pt2'}` cannot be exported to ONNX"
    assert error.expected == "operators that torch's exporter knows"
    assert error.hint == "Export the module itself with load.model = file.py:factory"


def spoil(name, values):
    """Return the small model with some elements of one constant replaced."""
    model = two_layers()
    tensor = next(each for each in model.graph.initializer if each.name == name)
    array = np.array(numpy_helper.to_array(tensor))
    array.reshape(-1)[: len(values)] = values
    tensor.CopyFrom(numpy_helper.from_array(array, name))
    return model


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("first.weight", [np.nan, np.inf]),
        ("first.bias", [-np.inf, np.nan]),
        ("second.weight.T", [np.nan, np.nan]),
    ],
)
def test_weights_that_are_not_finite(run, tmp_path, name, values, external):
    path = tmp_path / "net.onnx"
    onnx.save(spoil(name, values), path, save_as_external_data=external, size_threshold=0)
    with pytest.raises(RefusedError) as refused:
        run(load_onnx, LoadOnnxConfig(model=str(path)))
    assert str(refused.value).startswith(
        f"parameter `{name}` is not finite: expected finite numbers, found 2 NaN or Inf. Load "
    )


def masked_model(value):
    nodes = [
        helper.make_node("Add", ["x", "mask"], ["masked"]),
        helper.make_node("Gemm", ["masked", "fc.weight"], ["y"], transB=1),
    ]
    mask = np.array([0, value, 0, 0], np.float32)
    weights = {"mask": mask, "fc.weight": normal(2, 4)}
    return make_model(nodes, {"x": ["batch", 4]}, {"y": ["batch", 2]}, weights)


def test_a_mask_may_hold_infinity_but_not_nan(run, tmp_path):
    run(load_onnx, LoadOnnxConfig(model=str(save(tmp_path, masked_model(-np.inf)))))
    path = save(tmp_path, masked_model(np.nan), "nan.onnx")
    with pytest.raises(RefusedError, match="parameter `mask` is not finite"):
        run(load_onnx, LoadOnnxConfig(model=str(path)))
