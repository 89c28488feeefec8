"""Class 40: ONNX files that must not be packed, and odd ones that must come back unharmed."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import prunepack
from prunepack.errors import PrunepackError, RefusedError, UsageError

WEIGHT = np.arange(40, dtype=np.float32).reshape(5, 8)


def external(name="w", shape=(5, 8), **entries):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def model(*initializers, nodes=(), **fields):
    graph = helper.make_graph(list(nodes), "g", [], [], list(initializers))
    proto = helper.make_model(graph, ir_version=10)
    for key, value in fields.items():
        getattr(proto, key).extend(value)
    return proto.SerializeToString()


def write(folder, data, **files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / "model.onnx"
    path.write_bytes(data)
    return path


def check_round_trip(path, folder):
    """Pack and unpack; return the names of the stored tensors."""
    packed = folder / "model.prunepack"
    prunepack.pack(path, packed)
    prunepack.unpack(packed, folder / "out")
    for file in (folder / "out").rglob("*"):
        if file.is_file():
            assert (
                file.read_bytes() == (path.parent / file.relative_to(folder / "out")).read_bytes()
            )
    assert (folder / "out" / path.name).is_file()
    with prunepack.Artifact.open(packed) as artifact:
        return list(artifact.tensors)


REFUSED = {
    "unknown key": (
        {"location": "w.bin", "basepath": "/etc"},
        "expected location and any of offset, length, checksum, found location, basepath",
    ),
    "no location": (
        {"offset": 0},
        "expected location and any of offset, length, checksum, found offset",
    ),
    "nothing": ({}, "expected location and any of offset, length, checksum, found nothing"),
    "memory marker": (
        {"location": "*/_ORT_MEM_ADDR_/*", "offset": 140, "length": 160},
        "expected the name of a file, found an address in memory",
    ),
    "absolute": (
        {"location": "/etc/passwd"},
        "expected a path inside the model's folder, found '/etc/passwd', which is absolute",
    ),
    "parent": (
        {"location": "../w.bin"},
        "expected a path inside the model's folder, found '../w.bin', which is absolute, or has",
    ),
    "drive": ({"location": "C:w.bin"}, "found 'C:w.bin', which has a character"),
    "backslash": ({"location": "a\\w.bin"}, "found 'a\\\\w.bin', which has a character"),
    "empty": ({"location": ""}, "found '', which is absolute, or has an empty"),
    "negative offset": (
        {"location": "w.bin", "offset": -1},
        "expected offset and length in decimal digits, found '-1'",
    ),
    "offset in words": (
        {"location": "w.bin", "offset": "nil"},
        "expected offset and length in decimal digits, found 'nil'",
    ),
    "offset in other digits": (
        {"location": "w.bin", "offset": "\u0661"},
        "expected offset and length in decimal digits, found '\u0661'",
    ),
    "endless length": (
        {"location": "w.bin", "length": "9" * 5000},
        "expected offset and length in decimal digits, found '9999",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("where", ["initializer", "attribute", "function", "subgraph", "sparse"])
def test_external_data_that_is_refused(name, where, tmp_path):
    entries, message = REFUSED[name]
    tensor = external(**entries)
    attribute = helper.make_attribute("value", tensor)
    node = onnx.NodeProto(op_type="Constant", attribute=[attribute])
    inner = helper.make_graph([node], "inner", [], [])
    data = {
        "initializer": lambda: model(tensor),
        "attribute": lambda: model(nodes=[node]),
        "function": lambda: model(functions=[onnx.FunctionProto(name="f", node=[node])]),
        "subgraph": lambda: model(nodes=[helper.make_node("If", ["c"], [], then_branch=inner)]),
        "sparse": lambda: model(
            nodes=[
                onnx.NodeProto(
                    attribute=[
                        onnx.AttributeProto(sparse_tensor=onnx.SparseTensorProto(values=tensor))
                    ]
                )
            ]
        ),
    }[where]()
    path = write(tmp_path, data, **{"w.bin": WEIGHT.tobytes()})
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack")
    text = str(caught.value)
    assert text.startswith(f"{path}: external data of tensor `w` cannot be packed: ")
    assert message in text
    assert text.endswith(". Save the model with its external data beside it")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "w.bin"]


def test_a_key_that_is_repeated(tmp_path):
    tensor = external(location="w.bin")
    tensor.external_data.add(key="location", value="w.bin")
    path = write(tmp_path, model(tensor), **{"w.bin": WEIGHT.tobytes()})
    with pytest.raises(RefusedError, match="found location, location"):
        prunepack.pack(path, tmp_path / "out.prunepack")


@pytest.mark.parametrize(("offset", "length"), [(0, 161), (100, 61), (161, 0)])
def test_external_data_that_is_not_all_there(offset, length, tmp_path):
    tensor = external(location="w.bin", offset=offset, length=length)
    path = write(tmp_path, model(tensor), **{"w.bin": WEIGHT.tobytes()})
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack")
    assert str(caught.value) == (
        f"{path}: external data of tensor `w` is incomplete: expected bytes "
        f"{offset} to {offset + length} of `w.bin`, found 160 bytes. Export the model again"
    )


def test_external_data_that_is_missing(tmp_path):
    path = write(tmp_path, model(external(location="w.bin")))
    with pytest.raises(UsageError, match=r"cannot open `.*w\.bin` \(No such file or directory\)"):
        prunepack.pack(path, tmp_path / "out.prunepack")


def test_a_link_that_leads_out_of_the_folder(tmp_path):
    (tmp_path / "secret").write_bytes(WEIGHT.tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w.bin").symlink_to("../secret")
    path = write(folder, model(external(location="w.bin")))
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack")
    text = str(caught.value)
    assert text.startswith(
        f"{path}: external data `w.bin` leads out of the model's folder: expected"
    )
    assert text.endswith("secret`. Put the file itself there instead of a link")


def test_a_link_inside_the_folder_is_followed(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "blob").write_bytes(WEIGHT.tobytes())
    (folder / "w.bin").symlink_to("blob")
    path = write(folder, model(external(location="w.bin")))
    assert check_round_trip(path, tmp_path) == ["w"]


def test_a_link_that_leads_to_itself(tmp_path):
    (tmp_path / "w.bin").symlink_to("w.bin")
    path = write(tmp_path, model(external(location="w.bin")))
    with pytest.raises(UsageError, match="cannot open"):
        prunepack.pack(path, tmp_path / "out.prunepack")


def test_external_data_that_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "w.bin")
    path = write(tmp_path, model(external(location="w.bin")))
    with pytest.raises(UsageError, match="expected a regular file, found a folder, a pipe or a"):
        prunepack.pack(path, tmp_path / "out.prunepack")


def test_locations_that_collide(tmp_path):
    tensors = [external("a", location="w.bin"), external("b", location="W.bin")]
    files = {"w.bin": WEIGHT.tobytes(), "W.bin": WEIGHT.tobytes()}
    path = write(tmp_path, model(*tensors), **files)
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack")
    message = f"{path}: the file names `w.bin` and `W.bin` collide. Rename one of them"
    assert str(caught.value) == message


def test_a_model_whose_name_is_not_portable(tmp_path):
    path = tmp_path / "model:v2.onnx"
    path.write_bytes(model())
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack")
    assert str(caught.value) == (
        f"{path}: the file name `model:v2.onnx` has a character that some systems give a meaning. "
        "Rename the file"
    )


NO_FIELD = "not a protobuf message: expected a field at byte"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ONNX model: expected a graph, found 0 bytes without one"),
        (b"\x08\x0a", "not an ONNX model: expected a graph, found 2 bytes without one"),
        (b"PK\x03\x04", f"{NO_FIELD} 2, found wire type 3"),
        (b"\x00\x04\x95", f"{NO_FIELD} 0, found field 0 that ends at byte 2 of 3"),
        (b"\x0b", f"{NO_FIELD} 0, found wire type 3"),
        (b"\xff" * 20, f"{NO_FIELD} 0, found a number without an end"),
        (b"\x3a\x80", f"{NO_FIELD} 1, found a number without an end"),
        (b"\x3a\x05\x0a", f"{NO_FIELD} 0, found field 7 that ends at byte 7 of 3"),
        (b"\x3d\x05\x0a", f"{NO_FIELD} 0, found field 7 that ends at byte 5 of 3"),
        (b"\x3a\x04\x2a\x02\x4a\x7f", f"{NO_FIELD} 4, found field 9 that ends at byte 133 of 6"),
    ],
)
def test_files_that_are_no_model(data, message, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(RefusedError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack")
    assert str(caught.value) == (
        f"{path}: neither an ONNX model nor a safetensors checkpoint ({message}). "
        "Give the .onnx file that an exporter wrote, or a .safetensors file"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_graphs_in_graphs_without_end(tmp_path):
    data = b""
    for depth in range(3000):
        inner = b"\x32" + size(data) + data  # attribute.g
        inner = b"\x2a" + size(inner) + inner  # node.attribute
        data = b"\x0a" + size(inner) + inner  # graph.node
        if depth == 2999:
            path = write(tmp_path, b"\x3a" + size(data) + data)
    assert check_round_trip(path, tmp_path) == []


def size(data):
    value, out = len(data), b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def test_whatever_is_in_doubt_stays_as_it_is(tmp_path):
    raw = WEIGHT.tobytes()
    plain = helper.make_tensor("plain", 1, [5, 8], raw, raw=True)
    doubtful = [
        TensorProto(name="dims", data_type=1, dims=[5, 9], raw_data=raw),
        TensorProto(name="negative", data_type=1, dims=[-5, -8], raw_data=raw),
        TensorProto(name="overflow", data_type=1, dims=[2**62, 2**62], raw_data=raw),
        TensorProto(name="string", data_type=8, dims=[40], raw_data=raw),
        TensorProto(name="int4", data_type=22, dims=[322], raw_data=raw),
        TensorProto(name="unknown", data_type=99, dims=[40], raw_data=raw),
        TensorProto(name="no type", dims=[40], raw_data=raw),
        TensorProto(name="deep", data_type=1, dims=[1] * 32 + [40], raw_data=raw),
        TensorProto(name="twice", data_type=1, dims=[40], float_data=[1] * 40, raw_data=raw),
        TensorProto(name="varints", data_type=6, dims=[40], int32_data=[1] * 40),
        TensorProto(name="small", data_type=1, dims=[16], raw_data=raw[:64]),
        TensorProto(name="empty", data_type=1, dims=[0], raw_data=b""),
    ]
    assert check_round_trip(write(tmp_path, model(plain, *doubtful)), tmp_path) == ["plain"]


def test_names_that_will_not_do_are_replaced(tmp_path):
    names = ["w", "w", "\u00e9", "e\u0301", "", "a" * 1025, "bad!"]
    raw = WEIGHT.tobytes()
    tensors = [
        helper.make_tensor(name, 1, [40], bytes([n]) + raw[1:], raw=True)
        for n, name in enumerate(names)
    ]
    data = model(*tensors).replace(b"bad!", b"bad\xff")
    stored = check_round_trip(write(tmp_path, data), tmp_path)
    made = ["w", "w#2", "\u00e9", "e\u0301#2", "unnamed", "a" * 1004, "bad\ufffd"]
    assert sorted(stored) == sorted(made)


def test_tensors_of_subgraphs_and_nodes_are_stored(tmp_path):
    """None of them takes the name of an initializer of the main graph."""
    raw = WEIGHT.tobytes()

    def tensor(name, first):
        return helper.make_tensor(name, 1, [5, 8], bytes([first]) + raw[1:], raw=True)

    constant = helper.make_node("Constant", [], ["if.then_branch.w"], value=tensor("", 1))
    sparse = onnx.SparseTensorProto(
        values=helper.make_tensor("s", 11, [20], np.arange(20.0).tobytes(), raw=True),
        indices=helper.make_tensor("", 7, [20], np.arange(20).tobytes(), raw=True),
        dims=[100],
    )
    inner = helper.make_graph([constant], "inner", [], [], [tensor("w", 2)])
    node = helper.make_node("If", ["c"], [], name="if", then_branch=inner)
    proto = onnx.load_from_string(model(tensor("if.then_branch.w", 3), nodes=[node]))
    proto.graph.sparse_initializer.append(sparse)
    path = write(tmp_path, proto.SerializeToString())
    assert sorted(check_round_trip(path, tmp_path)) == [
        "if.then_branch.if.then_branch.w.value",
        "if.then_branch.w",
        "if.then_branch.w#2",
        "s.indices",
        "s.values",
    ]
    with prunepack.Artifact.open(tmp_path / "model.prunepack") as artifact:
        assert artifact.read_tensor("if.then_branch.w").tobytes()[0] == 3


def test_two_contents_in_one_tensor(tmp_path):
    tensor = helper.make_tensor("w", 1, [5, 8], WEIGHT.tobytes(), raw=True).SerializeToString()
    tensor += b"\x4a" + size(WEIGHT.tobytes()) + WEIGHT.tobytes()
    graph = b"\x2a" + size(tensor) + tensor
    data = b"\x3a" + size(graph) + graph
    assert check_round_trip(write(tmp_path, data), tmp_path) == []


def test_spans_that_overlap(tmp_path):
    tensors = [
        external("a", location="w.bin", offset=0, length=160),
        external("twin", (40,), location="w.bin", offset=0, length=160),
        external("b", (20,), location="w.bin", offset=80, length=80),
        TensorProto(name="c", data_type=6, dims=[40]),
    ]
    tensors[3].CopyFrom(external("c", (40,), location="w.bin", offset=0, length=160))
    tensors[3].data_type = TensorProto.INT32
    path = write(tmp_path, model(*tensors), **{"w.bin": WEIGHT.tobytes() + b"tail"})
    assert check_round_trip(path, tmp_path) == ["a", "twin"]
    with prunepack.Artifact.open(tmp_path / "model.prunepack") as artifact:
        assert np.array_equal(artifact.read_tensor("twin"), WEIGHT.ravel())


def test_a_model_that_is_its_own_external_data(tmp_path):
    tensor = external(location="model.onnx", offset=0, length=160)
    data = model(tensor, helper.make_tensor("v", 1, [5, 8], WEIGHT.tobytes(), raw=True))
    assert len(data) > 160
    check_round_trip(write(tmp_path, data), tmp_path)


def test_a_model_that_changes_while_it_is_packed(tmp_path):
    path = write(tmp_path, model(helper.make_tensor("w", 1, [5, 8], WEIGHT.tobytes(), raw=True)))

    def meddle(done, total):
        with path.open("r+b") as file:
            file.seek(60)
            file.write(os.urandom(8))

    with pytest.raises(PrunepackError) as caught:
        prunepack.pack(path, tmp_path / "out.prunepack", progress=meddle)
    text = str(caught.value)
    assert type(caught.value) is PrunepackError
    assert text.startswith(f"the artifact does not decode to `{path}` (")
    assert "wrong SHA-256" in text
    assert text.endswith(
        ". Report this as a bug, unless a program wrote to the model; no file was left"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
