"""Finding tensors by bytes, compared with what onnx itself says."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.dtypes import DTYPES
from prunepack.onnx_spans import find_tensors
from prunepack.protobuf import fields, signed


def scan(proto):
    data = memoryview(proto.SerializeToString())
    return data, list(find_tensors(data))


def graph(*initializers, nodes=(), name="g"):
    return helper.make_graph(list(nodes), name, [], [], list(initializers))


@pytest.mark.parametrize("name", DTYPES)
def test_each_type_is_found_with_its_bytes(name):
    dtype = DTYPES[name]
    content = np.random.default_rng(0).bytes(3 * 4 * dtype.itemsize)
    tensor = helper.make_tensor("t", dtype.onnx_code, [3, 4], content, raw=True)
    data, (found,) = scan(helper.make_model(graph(tensor)))
    ((start, stop),) = found.raw
    assert (found.name, found.shape, found.dtype) == ("t", [3, 4], dtype)
    assert bytes(data[start:stop]) == content
    assert found.nbytes == len(content)
    assert found.initializer
    assert not found.is_external


def test_type_names_and_widths_are_those_of_onnx():
    for name, dtype in DTYPES.items():
        assert TensorProto.DataType.Name(dtype.onnx_code).lower() == {
            "float32": "float",
            "float64": "double",
        }.get(name, name)
        assert helper.tensor_dtype_to_np_dtype(dtype.onnx_code).itemsize == dtype.itemsize


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
        assert found.nbytes == 2400


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def test_every_tensor_proto_is_visited():
    def tensor(name):
        return numpy_helper.from_array(np.arange(20.0), name)

    sparse = onnx.SparseTensorProto(values=tensor("values"), indices=tensor("indices"))
    inner = graph(tensor("inner initializer"), name="inner")
    attributes = [
        onnx.AttributeProto(name="t", t=tensor("attribute")),
        onnx.AttributeProto(name="ts", tensors=[tensor("list 1"), tensor("list 2")]),
        onnx.AttributeProto(name="g", g=inner),
        onnx.AttributeProto(name="gs", graphs=[inner]),
        onnx.AttributeProto(name="s", sparse_tensor=sparse),
        onnx.AttributeProto(name="ss", sparse_tensors=[sparse]),
    ]
    node = onnx.NodeProto(attribute=attributes)
    main = graph(tensor("main"), nodes=[node])
    main.sparse_initializer.append(sparse)
    function = onnx.FunctionProto(name="f", node=[node], attribute_proto=attributes[:1])
    training = onnx.TrainingInfoProto(initialization=inner, algorithm=inner)
    model = helper.make_model(main)
    model.functions.append(function)
    model.training_info.append(training)
    _, found = scan(model)
    assert {t.name for t in found if t.initializer} == {"main"}
    assert sorted(t.name for t in found) == sorted(t.name for t in tensors_of(model))
    assert len(found) == 24


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
    assert found.external == [("location", "a.bin"), ("offset", "7"), ("\u00e9", "")]
    assert found.raw == []


def test_varints_are_two_s_complement():
    assert signed(2**64 - 1) == -1
    assert signed(2**63 - 1) == 2**63 - 1


def test_fields_say_where_their_content_is():
    data = memoryview(b"\x08\x96\x01\x12\x02hi\x1d\x01\x02\x03\x04\x21" + bytes(8))
    found = [tuple(f) for f in fields(data, 0, len(data))]
    assert found == [(1, 0, 1, 3, 150), (2, 2, 5, 7, 0), (3, 5, 8, 12, 0), (4, 1, 13, 21, 0)]
