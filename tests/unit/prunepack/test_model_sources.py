"""Which files belong to a model and which of their bytes are tensors."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from prunepack.dtypes import DTYPES
from prunepack.sources import FEWEST_ELEMENTS, Span, open_sources


def save(folder, arrays, **external):
    """Save a model; return the initializers of what was written."""
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors))
    onnx.save_model(model, folder / "m.onnx", save_as_external_data=bool(external), **external)
    return {
        t.name: t for t in onnx.load(folder / "m.onnx", load_external_data=False).graph.initializer
    }


def test_spans_of_one_file(tmp_path):
    arrays = {
        "a": np.arange(40.0),
        "least": np.arange(FEWEST_ELEMENTS, dtype=np.int8),
        "small": np.arange(FEWEST_ELEMENTS - 1),
    }
    save(tmp_path, arrays)
    (source,) = open_sources(str(tmp_path / "m.onnx"))
    assert source.name == "m.onnx"
    assert bytes(source.data) == (tmp_path / "m.onnx").read_bytes()
    assert [span.name for span in source.spans] == ["a", "least"]
    for span in source.spans:
        assert bytes(source.data[span.start : span.stop]) == arrays[span.name].tobytes()
        assert span.dtype.name == arrays[span.name].dtype.name


def test_spans_of_external_files(tmp_path):
    arrays = {"a": np.arange(600, dtype=np.float32), "b": np.arange(300.0).reshape(30, 10)}
    saved = save(tmp_path, arrays, location="w.bin", size_threshold=0)
    model, data = open_sources(str(tmp_path / "m.onnx"))
    assert (model.name, data.name) == ("m.onnx", "w.bin")
    assert model.spans == ()
    for span in data.spans:
        entries = {entry.key: entry.value for entry in saved[span.name].external_data}
        assert span.start == int(entries["offset"])
        assert bytes(data.data[span.start : span.stop]) == arrays[span.name].tobytes()
    assert [span.shape for span in data.spans] == [(600,), (30, 10)]


def test_files_in_the_order_of_their_mention(tmp_path):
    arrays = {"b": np.arange(600.0), "a": np.arange(300.0)}
    save(tmp_path, arrays, all_tensors_to_one_file=False, size_threshold=0)
    assert [source.name for source in open_sources(str(tmp_path / "m.onnx"))] == [
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
    source = open_sources(str(tmp_path / "m.onnx"))[1]
    assert source.name == "deep/w.bin"
    assert source.spans == (Span(3, 163, "t", DTYPES["int64"], (20,)),)


def test_an_empty_external_file(tmp_path):
    tensor = onnx.TensorProto(name="t", data_type=7, dims=[0], data_location=1)
    tensor.external_data.add(key="location", value="w.bin")
    model = helper.make_model(helper.make_graph([], "g", [], [], [tensor]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "w.bin").write_bytes(b"")
    source = open_sources(str(tmp_path / "m.onnx"))[1]
    assert (bytes(source.data), source.spans) == (b"", ())
