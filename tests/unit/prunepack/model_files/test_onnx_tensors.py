"""Finding tensors by bytes, compared with what onnx itself says."""

import tracemalloc

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import everywhere, graph, tensor

from prunepack.coding.dtypes import DTYPES
from prunepack.format.validation import MAX_DIMENSIONS
from prunepack.model_files.discovery import open_sources
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.model_files.protobuf import encode_bytes, fields, to_signed


def scan(proto):
    data = memoryview(proto.SerializeToString())
    return data, list(find_tensors(data))


@pytest.mark.parametrize("name", DTYPES)
def test_each_type_is_found_with_its_bytes(name):
    dtype = DTYPES[name]
    content = np.random.default_rng(0).bytes(dtype.nbytes(3 * 4))
    tensor = helper.make_tensor("t", dtype.onnx_code, [3, 4], content, raw=True)
    data, (found,) = scan(helper.make_model(graph(tensor)))
    start, stop = found.inline_range
    assert (found.name, found.shape, found.dtype) == ("t", [3, 4], dtype)
    assert bytes(data[start:stop]) == content
    assert found.is_initializer
    assert not found.is_external


def test_type_names_and_widths_are_those_of_onnx():
    for name, dtype in DTYPES.items():
        assert TensorProto.DataType.Name(dtype.onnx_code).lower() == {
            "float32": "float",
            "float64": "double",
        }.get(name, name)
        array = np.zeros(12, helper.tensor_dtype_to_np_dtype(dtype.onnx_code))
        stored = numpy_helper.from_array(array)
        assert stored.data_type == dtype.onnx_code
        assert len(stored.raw_data) == dtype.nbytes(12)


def test_dims_are_read_packed_or_not():
    tensor = TensorProto(name="t", data_type=1, dims=[300, 2], raw_data=bytes(2400))
    plain = tensor.SerializeToString()
    packed = b"\x0a\x03\xac\x02\x02" + plain.replace(b"\x08\xac\x02\x08\x02", b"")
    for raw in (plain, packed):
        model = onnx.ModelProto(graph=onnx.GraphProto())
        data = model.SerializeToString()
        data = (
            b"\x3a"
            + varint(len(raw) + 1 + len(varint(len(raw))))
            + b"\x2a"
            + varint(len(raw))
            + raw
        )
        (found,) = find_tensors(memoryview(data))
        assert found.shape == [300, 2]
        assert bytes(memoryview(data)[slice(*found.inline_range)]) == bytes(2400)


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def test_every_tensor_proto_is_visited():
    model = everywhere()
    _, found = scan(model)
    assert {t.name for t in found if t.is_initializer} == {"main"}
    assert found[0].name == "main"
    assert sorted(t.name for t in found) == sorted(t.name for t in tensors_of(model))
    assert len(found) == 24


def test_a_name_that_is_not_text_is_none():
    data = helper.make_model(graph(tensor("bad!"))).SerializeToString().replace(b"bad!", b"bad\xff")
    (found,) = find_tensors(memoryview(data))
    assert found.name == ""


@pytest.mark.parametrize(
    ("field", "dtype"), [("float_data", np.dtype("<f4")), ("double_data", np.dtype("<f8"))]
)
def test_typed_fields_that_are_the_elements_themselves(field, dtype):
    array = np.random.default_rng(0).normal(size=20).astype(dtype)
    code = helper.np_dtype_to_tensor_dtype(array.dtype)
    data, (found,) = scan(
        helper.make_model(graph(TensorProto(name="t", data_type=code, dims=[20], **{field: array})))
    )
    assert bytes(data[slice(*found.inline_range)]) == array.tobytes()


@pytest.mark.parametrize(
    "fields",
    [
        {"data_type": TensorProto.DOUBLE, "float_data": [1.0] * 40},
        {"data_type": TensorProto.COMPLEX64, "float_data": [1.0] * 40},
        {"data_type": TensorProto.FLOAT16, "int32_data": [1] * 20},
        {"data_type": TensorProto.INT64, "int64_data": [1] * 20},
        {"data_type": TensorProto.UINT64, "uint64_data": [1] * 20},
        {"data_type": TensorProto.FLOAT, "float_data": [1.0] * 20, "raw_data": bytes(80)},
        {"data_type": TensorProto.FLOAT},
        {"data_type": TensorProto.STRING, "raw_data": bytes(80)},
        {"data_type": TensorProto.FLOAT, "raw_data": bytes(80), "data_location": 1},
    ],
)
def test_contents_that_are_in_doubt(fields):
    _, (found,) = scan(helper.make_model(graph(TensorProto(name="t", dims=[20], **fields))))
    assert found.inline_range is None


def test_floats_that_are_not_packed_are_not_back_to_back():
    data = TensorProto(name="t", data_type=1, dims=[20]).SerializeToString()
    data += b"\x25\0\0\x80\x3f" * 20  # field 4, one fixed number each
    data = b"\x2a" + varint(len(data)) + data
    (found,) = find_tensors(memoryview(b"\x3a" + varint(len(data)) + data))
    assert found.inline_range is None


def test_dimensions_without_end_are_not_all_kept():
    _, (found,) = scan(helper.make_model(graph(TensorProto(name="t", dims=[2**62] * 1000))))
    assert found.shape == [2**62] * (MAX_DIMENSIONS + 1)


def tensors_of(message):
    """Yield every tensor below a message by what protobuf's own reflection knows."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for child in [value] if hasattr(value, "ListFields") else value:
            if isinstance(child, TensorProto):
                yield child
            else:
                yield from tensors_of(child)


def test_external_data_is_read_as_it_stands():
    tensor = TensorProto(name="t", data_type=1, dims=[5], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "a.bin"), ("offset", "7"), ("\u00e9", "")):
        tensor.external_data.add(key=key, value=value)
    _, (found,) = scan(helper.make_model(graph(tensor)))
    assert found.is_external
    assert found.external_entries == [("location", "a.bin"), ("offset", "7"), ("\u00e9", "")]
    assert found.inline_range is None


def test_varints_are_two_s_complement():
    assert to_signed(2**64 - 1) == -1
    assert to_signed(2**63 - 1) == 2**63 - 1


def test_fields_say_where_their_content_is():
    data = memoryview(b"\x08\x96\x01\x12\x02hi\x1d\x01\x02\x03\x04\x21" + bytes(8))
    found = [tuple(f) for f in fields(data, 0, len(data))]
    assert [tuple(f) for f in fields(data, 0, len(data), {2, 4})] == [found[1], found[3]]
    assert found == [(1, 0, 1, 3, 150), (2, 2, 5, 7, 0), (3, 5, 8, 12, 0), (4, 1, 13, 21, 0)]


def main_graph(*fields_of_graph):
    return encode_bytes(7, b"".join(fields_of_graph))


EMPTY = {
    "initializers": main_graph(b"\x2a\x00" * 200_000),
    "initializers of one dimension": main_graph(b"\x2a\x02\x08\x01" * 100_000),
    "nodes": main_graph(b"\x0a\x00" * 200_000),
    "attributes": main_graph(b"\x0a\x06\x2a\x04\x2a\x02\x08\x01" * 50_000),
    "subgraphs": main_graph(b"\x0a\x06\x2a\x04\x32\x02\x12\x00" * 50_000),
    "functions": main_graph() + b"\xca\x01\x02\x3a\x00" * 50_000,
}


@pytest.mark.parametrize("kind", EMPTY)
def test_many_empty_messages_take_little_memory(kind, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(EMPTY[kind])
    tracemalloc.start()
    (source,) = open_sources(str(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert source.spans == ()
    assert peak < max(20 * len(EMPTY[kind]), 2**20)


def test_messages_nested_deeper_than_any_library_reads_have_no_tensors():
    tensor = encode_bytes(5, b"\x08\x05" + encode_bytes(9, bytes(20)))
    data = tensor
    for _ in range(2000):
        data = encode_bytes(1, encode_bytes(5, encode_bytes(6, data)))
    assert list(find_tensors(memoryview(main_graph(data)))) == []
    for _ in range(20):
        tensor = encode_bytes(1, encode_bytes(5, encode_bytes(6, tensor)))
    assert len(list(find_tensors(memoryview(main_graph(tensor))))) == 1
