"""State dicts in files: every format by its content, and the fields of every refusal."""

import argparse
import datetime as dt
import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.builtin.lenet import LeNet
from prunepack.stages.sources.state_files import read_safetensors, read_state

AGAIN = "Copy or download the file again: it is damaged or cut off"
SAVE_STATE = "Save torch.save(model.state_dict(), path)"


@pytest.fixture
def state():
    return load_file(MODELS["lenet"].weights)


@pytest.fixture
def saved(tmp_path):
    """Saves a value by ``torch.save``."""

    def saved(value, name="weights.pth", **settings):
        torch.save(value, tmp_path / name, **settings)
        return tmp_path / name

    return saved


@pytest.fixture
def refuses():
    """Expects that a file is refused, and returns the error."""

    def refuses(path, read=read_state):
        with pytest.raises(RefusedError) as caught:
            read(path)
        return caught.value

    return refuses


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def remarks_of(path):
    with collect_remarks() as remarks:
        read_state(path)
    return remarks


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.bin", "w.ckpt", "w.tar", "weights"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_under_any_name(saved, state, name, zipped):
    path = saved(state, name, _use_new_zipfile_serialization=zipped)
    assert_equal(read_state(path), state)


def test_safetensors_under_the_name_of_torch(state, tmp_path):
    save_file(state, tmp_path / "w.bin")
    assert_equal(read_state(tmp_path / "w.bin"), state)


def test_arrays_of_numpy(state, tmp_path, refuses):
    np.savez(tmp_path / "w.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    assert_equal(read_state(tmp_path / "w.npz"), state)
    np.savez(tmp_path / "object.npz", a=np.array([{}], dtype=object))
    error = refuses(tmp_path / "object.npz")
    assert error.what == f"`{tmp_path}/object.npz` cannot be read"
    assert error.expected == "an .npz file with arrays of numbers"
    assert "allow_pickle" in error.found
    assert error.hint == "Save np.savez(path, **arrays), one array per parameter"


def test_plain_values_beside_the_weights(saved, state):
    content = {
        "state_dict": {name: tensor.numpy() for name, tensor in state.items()},
        "hyper_parameters": argparse.Namespace(lr=0.1, betas=(0.9, 0.99)),
        "when": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "best": np.float64(0.5),
        "losses": np.arange(3.0),
        "half": np.float16(2),
        "epoch": np.int64(2),
    }
    path = saved(content)
    assert_equal(read_state(path), state)
    assert remarks_of(path) == [
        f"`{path}`: state dict found under `state_dict`; ignored: `hyper_parameters`, `when`, "
        "`best`, `losses`, `half`, `epoch`"
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"net": {}}, "`net`"),
        ({"ema": {}, "model": {}}, "`model`; ignored: `ema`"),
        ({"model": {"state_dict": {}}}, "`model.state_dict`"),
        ({"epoch": 3, "weights_of_mine": {}}, "`weights_of_mine`; ignored: `epoch`"),
    ],
)
def test_the_key_of_the_state_dict_is_told(saved, state, content, told):
    def fill(value):
        if not isinstance(value, dict):
            return value
        return {key: fill(entry) for key, entry in value.items()} or state

    path = saved(fill(content))
    assert_equal(read_state(path), state)
    assert remarks_of(path) == [f"`{path}`: state dict found under {told}"]


def test_a_scalar_among_the_weights_is_told(saved, state):
    path = saved({**state, "epoch": 3})
    assert_equal(read_state(path), state)
    assert remarks_of(path) == [f"`{path}`: values that are not tensors; ignored: `epoch`"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([torch.ones(1)], "a list"),
        (torch.ones(1), "a Tensor"),
        ({}, "an empty dictionary"),
        ({"fc1.weight": 3}, "`fc1.weight`"),
        ({"epoch": "last", "net": {}}, "`epoch`, `net`"),
        ({0: torch.ones(1)}, "`0`"),
        ({"optimizer": {"state": {0: torch.ones(1)}, "param_groups": []}}, "`optimizer`"),
    ],
)
def test_a_file_without_a_state_dict(saved, content, found, refuses):
    path = saved(content)
    error = refuses(path)
    assert error.what == f"`{path}` holds no state dict"
    assert error.expected == "tensors by their names, at the top or under one key"
    assert (error.found, error.hint) == (found, SAVE_STATE)


def test_two_state_dicts_under_unknown_keys(saved, state, refuses):
    path = saved({"generator": state, "discriminator": state})
    error = refuses(path)
    assert error.what == f"`{path}` holds several state dicts"
    assert error.expected == "one, or one under a key such as `state_dict`"
    assert error.found == "`generator`, `discriminator`"
    assert error.hint == "Save the one to prune alone: torch.save(model.state_dict(), path)"


@pytest.mark.parametrize("name", ["no.pth", "no.safetensors", "no"])
def test_a_file_that_is_not_there(tmp_path, name, refuses):
    error = refuses(tmp_path / name)
    assert error.what == f"`{tmp_path / name}` cannot be read"
    assert (error.expected, error.found) == ("a checkpoint", "no such file or directory")
    assert error.hint == "Give a path relative to the working folder"


def test_a_folder(tmp_path, refuses):
    (tmp_path / "b.bin").touch()
    (tmp_path / "a.json").touch()
    error = refuses(tmp_path)
    assert error.what == f"`{tmp_path}` cannot be read"
    assert (error.expected, error.found) == ("a checkpoint", "is a directory")
    assert error.hint == "Name one file of it: a.json, b.bin"


def test_an_empty_file(tmp_path, refuses):
    (tmp_path / "w.pth").touch()
    error = refuses(tmp_path / "w.pth")
    assert error.what == f"`{tmp_path}/w.pth` is empty"
    assert (error.expected, error.found) == ("a checkpoint", "0 bytes")
    assert error.hint == "Copy or download the file again"


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_truncated_file_of_torch(saved, state, share, refuses):
    path = saved(state)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    error = refuses(path)
    assert error.what == f"`{path}` cannot be read"
    assert error.expected == "a file of torch.save"
    assert error.found == (
        "PytorchStreamReader failed reading zip archive: failed finding central directory"
    )
    assert error.hint == AGAIN


@pytest.mark.parametrize("data", [b"hello", b"hello, this is no pickle", b"\x80\x02.", b"("])
def test_a_file_that_torch_never_wrote(tmp_path, data, refuses):
    (tmp_path / "w.pth").write_bytes(data)
    error = refuses(tmp_path / "w.pth")
    assert error.what == f"`{tmp_path}/w.pth` cannot be read"
    assert error.expected == "a file of torch.save"
    assert error.found == "damaged bytes, or another format"
    assert error.hint == AGAIN


@pytest.mark.parametrize("read", [read_state, read_safetensors])
def test_a_truncated_safetensors_file(state, tmp_path, refuses, read):
    path = tmp_path / "w.safetensors"
    save_file(state, path)
    path.write_bytes(path.read_bytes()[:-100])
    error = refuses(path, read)
    assert error.what == f"`{path}` cannot be read"
    assert error.expected == "a safetensors file"
    assert error.found.startswith("Error while deserializing header")
    assert error.hint == AGAIN


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x89HDF\r\n", "an HDF5 file, as Keras writes it"),
        (b"GGUF\x03", "a GGUF file"),
        (b"\x1f\x8b\x08", "a gzip file"),
    ],
)
def test_other_formats(tmp_path, head, name, refuses):
    (tmp_path / "w.pth").write_bytes(head)
    error = refuses(tmp_path / "w.pth")
    assert error.what == f"`{tmp_path}/w.pth` is {name}"
    assert error.expected == "a state dict of torch, safetensors or numpy"
    assert (error.found, error.hint) == (name, "Convert it to safetensors first")


def test_a_page_and_a_pointer(tmp_path, refuses):
    path = tmp_path / "w.pth"
    path.write_text("\n<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>")
    error = refuses(path)
    assert error.what == f"`{path}` is an XML page, not weights"
    assert error.expected == "a checkpoint"
    assert error.found == "a page that begins with `<?xml version='1.0'?>`"
    assert error.hint == (
        "Download the file again, from its direct link and signed in if it needs that"
    )
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1234567\n")
    error = refuses(path)
    assert error.what == f"`{path}` is a pointer of Git LFS, not the weights"
    assert (error.expected, error.found) == ("1,234,567 bytes", "a text file of 69 bytes")
    assert error.hint == "Run `git lfs pull` in its repository"


def test_one_shard_of_several(saved, state, refuses):
    path = saved(state, "pytorch_model-00001-of-00003.bin")
    error = refuses(path)
    assert error.what == f"`{path}` is one of 3 shards"
    assert error.expected == "the index of all shards"
    assert error.found == "pytorch_model-00001-of-00003.bin"
    assert error.hint == "Name the index beside it, `pytorch_model.bin.index.json`"


@pytest.mark.parametrize("text", ["{}", '{"weight_map": {}}', '{"weight_map": {"a": 3}}', "{"])
def test_json_that_is_no_index(tmp_path, text, refuses):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text)
    error = refuses(path)
    assert error.what == f"`{path}` is not an index of shards"
    assert error.expected == 'a JSON object with a "weight_map" from tensors to files'
    assert error.found == "another JSON document"
    assert error.hint == "Name the weights themselves in load.weights"


@pytest.mark.parametrize("name", ["../w.bin", "a/b.bin", "..", "/etc/w.bin", "a\\b.bin"])
def test_a_shard_outside_of_the_folder(tmp_path, name, refuses):
    path = tmp_path / "w.index.json"
    path.write_text(json.dumps({"weight_map": {"a": name}}))
    error = refuses(path)
    assert error.what == f"`{path}` names a shard outside of its folder"
    assert (error.expected, error.found) == ("a file name", name)
    assert error.hint == "Put the index and its shards into one folder"


def test_shards_of_both_formats(saved, state, tmp_path):
    names = sorted(state)
    save_file({name: state[name] for name in names[:4]}, tmp_path / "a.safetensors")
    saved({name: state[name] for name in names[4:]}, "b-00002-of-00002.bin")
    places = {n: "a.safetensors" if n in names[:4] else "b-00002-of-00002.bin" for n in names}
    path = tmp_path / "model.index.json"
    path.write_text(json.dumps({"weight_map": places}))
    assert_equal(read_state(path), state)
    assert remarks_of(path) == [f"`{path}`: weights read from 2 shards"]
    (tmp_path / "a.safetensors").unlink()
    with pytest.raises(RefusedError) as caught:
        read_state(path)
    assert caught.value.what == f"`{path}` names a shard that is not there"


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
def test_a_pickle_that_would_run_code(saved, tmp_path, form, refuses):
    trap = Trap(str(tmp_path / "sprung"))
    path = tmp_path / "weights.pth"
    if form == "bare":
        path.write_bytes(pickle.dumps(trap, protocol=2))
    else:
        saved({"fc1.weight": trap}, _use_new_zipfile_serialization=form == "zip")
    error = refuses(path)
    assert error.what == f"`{path}` holds objects whose pickle can run code"
    assert (error.expected, error.found) == ("tensors, numbers and texts", "`io.open`")
    assert error.hint == (
        "Save torch.save(model.state_dict(), path), not the model: a pickle can run code"
    )
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("key", "index"), [(None, ""), ("model", '["model"]')])
def test_a_whole_module(saved, zipped, key, index, refuses):
    content = LeNet() if key is None else {"epoch": 3, key: LeNet()}
    path = saved(content, "whole.pth", _use_new_zipfile_serialization=zipped)
    error = refuses(path)
    assert error.what == f"`{path}` holds a whole model, whose pickle can run code"
    assert error.expected == "a state dict"
    assert error.found == "`prunepack.stages.models.builtin.lenet.LeNet`"
    assert error.hint == (
        "Save the state dict where the model's code is:\n"
        f'model = torch.load("{path}", weights_only=False){index}\n'
        'torch.save(model.state_dict(), "whole_state.pth")'
    )


def test_a_whole_module_of_torch_alone(saved, refuses):
    path = saved(nn.Sequential(nn.Linear(2, 2)))
    assert refuses(path).found == "`torch.nn.modules.container.Sequential`"


def test_a_state_dict_with_metadata(saved):
    model = nn.Sequential(nn.BatchNorm1d(2))
    assert isinstance(model.state_dict(), OrderedDict)
    assert_equal(read_state(saved(model.state_dict())), model.state_dict())


@pytest.mark.parametrize("form", ["script", "program"])
def test_programs(tmp_path, form, refuses):
    net, path = nn.Linear(2, 2), tmp_path / "net.pt2"
    if form == "script":
        torch.jit.trace(net, torch.zeros(1, 2)).save(path)
        error = refuses(path)
        assert error.what == f"`{path}` is a TorchScript archive"
        assert (error.expected, error.found) == ("a state dict", "a scripted or traced model")
        assert error.hint == (
            f'Save the state dict of it:\nmodel = torch.jit.load("{path}")\n'
            'torch.save(model.state_dict(), "net_state.pth")'
        )
    else:
        torch.export.save(torch.export.export(net, (torch.zeros(1, 2),)), path)
        error = refuses(path)
        assert error.what == f"`{path}` is an exported program"
        assert (error.expected, error.found) == ("a state dict", "an archive of torch.export.save")
        assert error.hint == "Name it in load.model, without load.weights"
