"""Files of a model, and their tensors."""

import resource
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

from prunepack.coding.dtypes import DTYPES
from prunepack.model_files.discovery import open_sources
from prunepack.model_files.spans import MIN_ELEMENTS, TensorSpan


def save(folder, arrays, **external):
    """Save a model; return the initializers of the saved file."""
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors))
    onnx.save_model(model, folder / "m.onnx", save_as_external_data=bool(external), **external)
    return {
        t.name: t for t in onnx.load(folder / "m.onnx", load_external_data=False).graph.initializer
    }


def sources_of(path):
    return open_sources(str(path))


def content(source):
    return bytes(source.file.read(0, source.file.size))


def test_spans_of_one_file(tmp_path):
    arrays = {
        "a": np.arange(40.0),
        "least": np.arange(MIN_ELEMENTS, dtype=np.int8),
        "small": np.arange(MIN_ELEMENTS - 1),
    }
    save(tmp_path, arrays)
    (source,) = sources_of(tmp_path / "m.onnx")
    assert source.name == "m.onnx"
    assert content(source) == (tmp_path / "m.onnx").read_bytes()
    assert [span.name for span in source.spans] == ["a", "least"]
    for span in source.spans:
        assert bytes(source.file.read(span.start, span.stop)) == arrays[span.name].tobytes()
        assert span.dtype.name == arrays[span.name].dtype.name


def test_spans_of_external_files(tmp_path):
    arrays = {"a": np.arange(600, dtype=np.float32), "b": np.arange(300.0).reshape(30, 10)}
    saved = save(tmp_path, arrays, location="w.bin", size_threshold=0)
    model, data = sources_of(tmp_path / "m.onnx")
    assert (model.name, data.name) == ("m.onnx", "w.bin")
    assert model.spans == ()
    for span in data.spans:
        entries = {entry.key: entry.value for entry in saved[span.name].external_data}
        assert span.start == int(entries["offset"])
        assert bytes(data.file.read(span.start, span.stop)) == arrays[span.name].tobytes()
    assert [span.shape for span in data.spans] == [(600,), (30, 10)]


def test_files_in_the_order_of_their_mention(tmp_path):
    arrays = {"b": np.arange(600.0), "a": np.arange(300.0)}
    save(tmp_path, arrays, all_tensors_to_one_file=False, size_threshold=0)
    assert [source.name for source in sources_of(tmp_path / "m.onnx")] == [
        "m.onnx",
        "b",
        "a",
    ]


def test_the_rest_of_a_file_is_the_length_by_default(tmp_path):
    tensor = onnx.TensorProto(name="t", data_type=7, dims=[20], data_location=1)
    tensor.external_data.add(key="location", value="deep/w.bin")
    tensor.external_data.add(key="offset", value="3")
    model = helper.make_model(helper.make_graph([], "g", [], [], [tensor]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "w.bin").write_bytes(b"abc" + bytes(160))
    source = sources_of(tmp_path / "m.onnx")[1]
    assert source.name == "deep/w.bin"
    assert source.spans == (TensorSpan(source.file, 3, 163, "t", DTYPES["int64"], (20,)),)


def test_an_empty_external_file(tmp_path):
    tensor = onnx.TensorProto(name="t", data_type=7, dims=[0], data_location=1)
    tensor.external_data.add(key="location", value="w.bin")
    model = helper.make_model(helper.make_graph([], "g", [], [], [tensor]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "w.bin").write_bytes(b"")
    source = sources_of(tmp_path / "m.onnx")[1]
    assert (content(source), source.spans) == (b"", ())


def test_a_checkpoint_is_a_source_too(tmp_path):
    arrays = {"a.weight": np.arange(40.0).reshape(5, 8), "b": np.arange(20, dtype=np.int8)}
    save_file(arrays, tmp_path / "m.safetensors", {"format": "pt"})
    (source,) = sources_of(tmp_path / "m.safetensors")
    assert source.name == "m.safetensors"
    assert content(source) == (tmp_path / "m.safetensors").read_bytes()
    assert {span.name: span.shape for span in source.spans} == {"a.weight": (5, 8), "b": (20,)}
    for span in source.spans:
        assert bytes(source.file.read(span.start, span.stop)) == arrays[span.name].tobytes()


def test_names_are_unique_over_all_files_of_a_model(tmp_path):
    """A small initializer that stays as it is keeps its name from others all the same."""
    inner = helper.make_graph([], "g", [], [], [external("w", "one.bin"), external("v", "two.bin")])
    node = onnx.NodeProto(name="if", attribute=[helper.make_attribute("then_branch", inner)])
    constant = onnx.NodeProto(
        op_type="small", attribute=[helper.make_attribute("value", external("", "two.bin", 160))]
    )
    constant.attribute[0].name = ""
    tensors = [external("w", "one.bin", 160), numpy_helper.from_array(np.arange(2.0), "small")]
    model = helper.make_model(helper.make_graph([node, constant], "g", [], [], tensors))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    for name in ("one.bin", "two.bin"):
        (tmp_path / name).write_bytes(bytes(320))
    names = {
        source.name: [s.name for s in source.spans] for source in sources_of(tmp_path / "m.onnx")
    }
    assert names == {
        "m.onnx": [],
        "one.bin": ["if.then_branch.w", "w"],
        "two.bin": ["if.then_branch.v", "small#2"],
    }


def external(name, location, offset=0):
    tensor = onnx.TensorProto(name=name, data_type=7, dims=[20], data_location=1)
    for key, value in {"location": location, "offset": offset, "length": 160}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def test_more_files_than_a_process_may_hold_open(tmp_path):
    """Some exporters write a file per tensor."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    arrays = {f"t{n}": np.arange(20.0) + n for n in range(100)}
    save(tmp_path, arrays, all_tensors_to_one_file=False, size_threshold=0)
    code = (
        "import resource, sys\n"
        "from prunepack.model_files.discovery import open_sources\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (50, {hard}))\n"
        "sources = open_sources(sys.argv[1])\n"
        "print(sum(len(s.file.read(0, s.file.size)) for s in sources[1:]))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "m.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 100 * 160


@pytest.mark.parametrize(("elements", "duplicates"), [(40, ["b"]), (39, [])])
def test_twins_have_as_many_elements(elements, duplicates, tmp_path):
    """Of four bits each, 39 and 40 take the same bytes."""
    tensors = [external("a", "w.bin"), external("b", "w.bin")]
    for tensor, size in zip(tensors, (40, elements), strict=True):
        tensor.data_type = onnx.TensorProto.INT4
        tensor.dims[:] = [size]
        tensor.external_data[2].value = "20"
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "w.bin").write_bytes(bytes(range(20)))
    source = sources_of(tmp_path / "m.onnx")[1]
    assert [span.name for span in source.spans] == ["a"]
    assert [duplicate.name for _, duplicate in source.duplicates] == duplicates
