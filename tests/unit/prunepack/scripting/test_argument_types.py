"""Arguments of a wrong type at the public calls."""

import inspect
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import prunepack
from prunepack import Limits, Plot, UsageError
from prunepack.training import Pruner, Schedule

X = torch.zeros(2, 4)


@pytest.mark.parametrize("model", [None, 3, [nn.Linear(4, 2)]])
def test_a_model_that_is_not_a_module(model, tmp_path):
    for call in (
        lambda: prunepack.prune(model),
        lambda: prunepack.finalize(model),
        lambda: prunepack.export(model, X, tmp_path / "m.onnx"),
        lambda: prunepack.verify(model, tmp_path / "m.onnx", X),
    ):
        with pytest.raises(UsageError, match="the model is not a module") as refused:
            call()
        assert refused.value.found == type(model).__name__


@pytest.mark.parametrize("path", [None, 3, ["m.onnx"]])
def test_a_path_of_another_type(path):
    for call in (
        lambda: prunepack.run(path),
        lambda: prunepack.run("lenet", artifacts=path),
        lambda: prunepack.verify(nn.Linear(4, 2), path, X),
        lambda: prunepack.export(nn.Linear(4, 2), X, path),
        lambda: prunepack.Artifact.open(path),
        lambda: prunepack.unpack(path, "out"),
        lambda: prunepack.open_session(path),
        lambda: Plot("a", "A", "", []).save(path),
    ):
        with pytest.raises(UsageError, match="is of another type") as refused:
            call()
        assert refused.value.found == type(path).__name__


@pytest.mark.parametrize("observer", [3, None, object()])
def test_an_observer_of_another_type(observer, tmp_path):
    with pytest.raises(UsageError, match="no logger is named"):
        prunepack.run("lenet", observers=[observer], artifacts=tmp_path)


@pytest.mark.parametrize("session", [3, None, "m.onnx"])
def test_layers_of_no_session(session):
    with pytest.raises(UsageError, match="the sparse layers are those of a session"):
        prunepack.list_sparse_layers(session)


def test_a_picture_in_a_missing_folder(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        Plot("a", "A", "", []).save(tmp_path / "none" / "a.html")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.prunepack"
    save_file({"weight": X}, path.with_name("m.safetensors"))
    prunepack.pack(path.with_name("m.safetensors"), path)
    return path


WRONG = {
    "pack": (prunepack.pack, ("m.onnx", "m.prunepack"), "threads force limits progress"),
    "unpack": (prunepack.unpack, ("m.prunepack", "out"), "force limits progress"),
    "session": (prunepack.open_session, ("m.onnx",), "providers session_options limits"),
    "options": (prunepack.sparse_session_options, (), "session_options"),
    "open": (prunepack.Artifact.open, ("m.prunepack",), "limits"),
    "export": (prunepack.export, (nn.Linear(4, 2), X, "m.onnx"), "force"),
    "run": (prunepack.run, ("lenet",), "artifacts name until force observers"),
    "limits": (Limits, (), "header_bytes tensors files chunk_bytes decoded_bytes"),
    "schedule": (Schedule, (), "kind steps every start"),
    "pruner": (partial(Pruner, nn.Linear(4, 2)), (), "schedule"),
}


@pytest.mark.parametrize("value", [2.5, "x", b"x", object()])
@pytest.mark.parametrize("name", WRONG)
def test_every_argument_of_another_type(name, value):
    call, args, arguments = WRONG[name]
    texts = {"name", "until", "kind", "artifacts"} if isinstance(value, str) else ()
    for argument in set(arguments.split()).difference(texts):
        with pytest.raises(UsageError, match="is of another type") as refused:
            call(*args, **{argument: value})
        error = refused.value
        assert f"`{argument}`" in error.what
        assert error.found == type(value).__name__
        assert error.expected
        assert error.hint


@pytest.mark.parametrize("value", [None, 3, [], {}])
def test_paths_levels_and_starts_of_another_type(value, tmp_path):
    with pytest.raises(UsageError, match="the argument `model_path` of `pack` is of another type"):
        prunepack.pack(value, tmp_path / "m.prunepack")
    with pytest.raises(UsageError, match="the argument `out_path` of `pack` is of another type"):
        prunepack.pack("m.onnx", value)
    with pytest.raises(UsageError, match="unknown level"):
        prunepack.pack("m.onnx", tmp_path / "m.prunepack", level=value)
    with pytest.raises(UsageError, match="unknown value of `sparse`"):
        prunepack.open_session("m.onnx", sparse=value)
    if value is not None:
        with pytest.raises(UsageError, match="unknown way to start"):
            prunepack.open_session("m.prunepack", start=value)


@pytest.mark.parametrize("value", [None, 3, "m.prunepack", []])
def test_rows_of_no_artifact(value):
    with pytest.raises(UsageError, match="is of another type") as refused:
        prunepack.describe_tensors(value)
    assert refused.value.expected == "a prunepack.Artifact"


def test_arguments_of_an_artifact(artifact):
    with prunepack.Artifact.open(artifact) as opened:
        for call in (
            lambda: opened.read_tensors("weight"),
            lambda: opened.read_tensors(3),
            lambda: opened.read_tensor("weight", threads="2"),
            lambda: opened.iter_file("m.safetensors", threads="2"),
            lambda: opened.verify(None),
        ):
            with pytest.raises(UsageError, match="is of another type"):
                call()


@pytest.mark.parametrize("providers", [[3], [None], [("CPUExecutionProvider",)]])
def test_providers_without_names(artifact, providers):
    with pytest.raises(UsageError, match="`providers` of `open_session` is of another type"):
        prunepack.open_session(artifact, providers=providers)


@pytest.mark.parametrize("value", [[], 3, {"export": 1}])
def test_an_element_that_names_no_stage(value):
    with pytest.raises(UsageError, match="no stage is named"):
        prunepack.run("lenet", force=[value])


def test_a_checked_call_keeps_its_signature():
    assert list(inspect.signature(prunepack.pack).parameters)[:2] == ["model_path", "out_path"]
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        prunepack.pack("m.onnx", "m.prunepack", levle="fast")
