"""An artifact as a mapping: names, parts of tensors, a state dict."""

import sys
from collections.abc import Mapping

import numpy as np
import onnx
import pytest
import torch
from artifact_crafting import Sample
from onnx import helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

import prunepack
from prunepack import Artifact, UsageError
from prunepack.reading.decoder import Decoder


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A tensor of many chunks, one of a few elements, a scalar and a transposed copy."""
    folder = tmp_path_factory.mktemp("rows")
    big = np.random.default_rng(0).standard_normal((3000, 700)).astype(np.float32)
    tensors = {"big": torch.from_numpy(big), "bias": torch.arange(3.0), "scale": torch.tensor(2.0)}
    tensors["turned"] = tensors["big"].T.contiguous()
    save_file(tensors, folder / "m.safetensors")
    prunepack.pack(folder / "m.safetensors", folder / "m.prunepack", level="fast")
    with Artifact.open(folder / "m.prunepack") as artifact:
        yield artifact, {name: tensor.numpy() for name, tensor in tensors.items()}


def test_names_and_whole_tensors(rows):
    artifact, tensors = rows
    assert sorted(artifact.keys()) == sorted(artifact) == sorted(tensors)
    assert set(artifact.tensors) < set(tensors)  # some are too small to be stored
    for name, expected in tensors.items():
        assert name in artifact
        np.testing.assert_array_equal(artifact[name], expected)
    assert dict(artifact).keys() == tensors.keys()
    assert "none" not in artifact
    assert None not in artifact


@pytest.mark.parametrize(
    "index",
    [
        (slice(0, 1),),
        (slice(1400, 1600),),
        (slice(-5, None),),
        (slice(5, 5),),
        (slice(2990, 9999),),
        (slice(None, None, 2),),
        (slice(10, 2, -1),),
        (1499,),
        (-1,),
        (np.int64(7),),
        (slice(1490, 1510), slice(3, 9)),
        (1500, slice(None, None, 7)),
        (slice(0, 2), 5),
        (3, 4),
        (..., 5),
        (None, 0),
        (slice(0, 3), ..., 1),
        (slice(0, 3), None),
    ],
)
@pytest.mark.parametrize("name", ["big", "turned"])
def test_parts_are_those_of_numpy(rows, name, index):
    artifact, tensors = rows
    if isinstance(index[0], int | np.int64) and abs(index[0]) >= len(tensors[name]):
        pytest.skip("fewer rows")
    found = artifact[(name, *index)]
    np.testing.assert_array_equal(found, tensors[name][index])


def test_parts_of_small_tensors(rows):
    artifact, _ = rows
    assert artifact["bias", 1:].tolist() == [1.0, 2.0]
    assert artifact["scale"].shape == ()
    assert artifact["scale", ...] == 2.0


def test_rows_decode_their_chunks_only(rows, monkeypatch):
    artifact, _ = rows
    decoded = []
    fill = Decoder._fill
    monkeypatch.setattr(
        Decoder, "_fill", lambda self, *key: (decoded.append(key[:2]), fill(self, *key))[1]
    )
    chunks = len(list(artifact.layout.slice_tensor(artifact.tensors["big"])))
    assert chunks > 1
    artifact["big", 0:10]
    assert len(decoded) == 1
    artifact["big", 5:5]
    assert len(decoded) == 1


def test_a_part_belongs_to_whoever_asked_for_it(rows):
    artifact, tensors = rows
    part = artifact["big", 0:2]
    part[...] = 9
    np.testing.assert_array_equal(artifact["big", 0:2], tensors["big"][:2])


@pytest.mark.parametrize("row", [3000, -3001])
def test_a_row_that_is_not_there(rows, row):
    with pytest.raises(IndexError):
        rows[0]["big", row]


def test_the_interface_of_a_mapping(rows):
    artifact, tensors = rows
    assert isinstance(artifact, Mapping)
    assert len(artifact) == len(tensors)
    assert artifact.get("none") is None
    assert artifact.get("none", 3) == 3
    assert artifact.get("bias").tolist() == [0.0, 1.0, 2.0]
    assert {name: array.shape for name, array in artifact.items()} == {
        name: array.shape for name, array in tensors.items()
    }
    assert len(list(artifact.values())) == len(tensors)
    assert ["bias"] not in artifact
    assert artifact == artifact  # noqa: PLR0124
    assert artifact != dict(artifact)
    assert {artifact: 1}[artifact] == 1


@pytest.mark.parametrize("key", [3, (), (3, 0), None, (b"bias",), slice(3), ["bias"]])
def test_a_key_without_a_name(rows, key):
    with pytest.raises(UsageError, match="a tensor of an artifact is read by its name") as refused:
        rows[0][key]
    assert refused.value.found.startswith("artifact[")


@pytest.mark.parametrize("name", ["big", "turned", "bias"])
@pytest.mark.parametrize(
    "index",
    [
        True,
        np.True_,
        [1, 2],
        np.array([0, 1]),
        np.zeros(3, bool),
        "x",
        1.0,
        slice(0.5),
        slice(0, 3, 0),
    ],
)
def test_an_index_that_numpy_alone_has(rows, name, index):
    artifact, tensors = rows
    with pytest.raises(UsageError, match=f"does not fit tensor `{name}`") as refused:
        artifact[name, index]
    shape = list(tensors[name].shape)
    assert refused.value.expected == f"integers, slices, ... or None for the shape {shape}"
    assert not isinstance(refused.value, IndexError)


@pytest.mark.parametrize("name", ["big", "turned", "bias", "scale"])
@pytest.mark.parametrize("index", [(5000,), (-5001,), (0, 0, 0), (..., 9999), (..., ...)])
def test_an_index_out_of_range(rows, name, index):
    with pytest.raises(UsageError, match=f"does not fit tensor `{name}`") as refused:
        rows[0][(name, *index)]
    assert isinstance(refused.value, IndexError)


@pytest.mark.parametrize("name", ["none", 3, ["w"], None])
def test_a_missing_name_is_a_key_error_too(rows, name):
    artifact, _ = rows
    for read in (artifact.read_tensor, artifact.read_file, artifact.read_literals):
        with pytest.raises(KeyError) as refused:
            read(name)
        assert isinstance(refused.value, UsageError)
        assert str(refused.value).startswith("no ")


def test_reading_after_the_end(tmp_path):
    path = Sample().write(tmp_path / "model.prunepack")
    with Artifact.open(path) as artifact:
        pass
    for read in (
        artifact.check_digest,
        artifact.verify,
        artifact.read_tensors,
        lambda: artifact["w"],
        lambda: artifact["w", 0:2],
        lambda: artifact.read_file("model.onnx"),
    ):
        with pytest.raises(UsageError, match="the artifact is closed") as refused:
            read()
        assert refused.value.hint == "Read it inside the `with` block, or open it again"


@pytest.mark.parametrize("key", ["none", ("none", 0), ("none", slice(2))])
def test_a_tensor_that_is_not_there(rows, key):
    with pytest.raises(UsageError, match="no tensor `none`"):
        rows[0][key]


def test_every_chunk_size_gives_the_same_rows(tmp_path):
    for size in range(1, 20):
        other = Sample()
        other.pool["chunk"] = size
        other.payload = {}
        cuts = range(0, 18, size)
        other.pool["chunks"] = [{"codec": "dense", "streams": {}} for _ in cuts]
        for index, start in enumerate(cuts):
            other.put(index, "elements", other.elements[start : start + size])
        other.store("literal", Sample().payload["literal"])
        with Artifact.open(other.write(tmp_path / "model.prunepack")) as artifact:
            for start in range(len(other.w)):
                found = artifact["w", start : start + 2]
                np.testing.assert_array_equal(found, other.w[start : start + 2])


def test_a_state_dict_fits_its_module(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 200))
    model.half()
    model[3].to(torch.bfloat16)
    save_file(model.state_dict(), tmp_path / "m.safetensors")
    prunepack.pack(tmp_path / "m.safetensors", tmp_path / "m.prunepack")
    with Artifact.open(tmp_path / "m.prunepack") as artifact:
        state = artifact.to_state_dict()
    for name, tensor in model.state_dict().items():
        assert state[name].dtype == tensor.dtype
        assert torch.equal(state[name], tensor)
    fresh = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 200))
    fresh.load_state_dict(state)
    state["3.weight"].mul_(2)  # tensors can be written to


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "bfloat16", "uint16", "bool"])
def test_types_that_numpy_does_not_have(tmp_path, dtype):
    tensor = torch.arange(4000).view(40, 100).to(getattr(torch, dtype))
    save_file({"w": tensor}, tmp_path / "m.safetensors")
    prunepack.pack(tmp_path / "m.safetensors", tmp_path / "m.prunepack")
    with Artifact.open(tmp_path / "m.prunepack") as artifact:
        found = artifact.to_state_dict()["w"]
    assert found.dtype == tensor.dtype
    assert torch.equal(found.view(torch.uint8), tensor.view(torch.uint8))


def test_a_state_dict_without_torch(rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match="a state dict needs torch") as refused:
        rows[0].to_state_dict()
    assert refused.value.hint == "Install torch, or read numpy arrays with read_tensors()"


def test_a_file_without_the_form_of_a_model(tmp_path):
    with Artifact.open(Sample().write(tmp_path / "model.prunepack")) as artifact:
        assert artifact.keys() == ["w", "b", "scalar"]


def test_initializers_of_an_onnx_file(tmp_path):
    weights = [
        numpy_helper.from_array(np.ones((64, 64), np.float32), "w"),
        numpy_helper.from_array(np.float32([1, 2]), "small"),
    ]
    graph = helper.make_graph([], "net", [], [], weights)
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack")
    with Artifact.open(tmp_path / "m.prunepack") as artifact:
        assert artifact.keys() == ["w", "small"]
        assert artifact["small", 1] == 2


def test_repr(tmp_path):
    path = Sample().write(tmp_path / "model.prunepack")
    with Artifact.open(path) as artifact:
        size = path.stat().st_size
        assert repr(artifact) == f"<prunepack.Artifact '{path}': 3 stored tensors, {size} bytes>"
