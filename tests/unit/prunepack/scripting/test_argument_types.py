"""Arguments of a wrong type at the public calls."""

import pytest
import torch
from torch import nn

import prunepack
from prunepack import Plot, UsageError

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
