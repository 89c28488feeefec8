"""Modules from user code and libraries: arguments, seeds, and the fields of every refusal."""

import json
import sys

import pytest
import torch

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.sources.arguments import check_arguments
from prunepack.stages.sources.libraries import (
    find_folder_weights,
    is_model_folder,
    read_model_folder,
)
from prunepack.stages.sources.module_sources import build_module

CODE = """
import random

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.fc = nn.Linear(2, width)


def draw():
    net = nn.Linear(2, 2)
    net.noise = torch.tensor([random.random(), np.random.rand(), torch.rand(()).item()])
    return net


def state(): return nn.Linear(2, 2).state_dict()


def pair(): return nn.Linear(2, 2), None


def script(): return torch.jit.script(nn.Linear(2, 2))


def wants(hidden: int, *, classes: int = 10): return nn.Linear(hidden, classes)


def anything(**settings): return nn.Linear(settings["width"], 2)


net = nn.Linear(2, 2)
number = 7
"""


@pytest.fixture
def reference(write):
    prefix = write(CODE)
    return lambda name: f"{prefix}{name}"


@pytest.fixture
def fails():
    def fails(kind, *arguments):
        with pytest.raises(kind) as caught:
            build_module(*arguments)
        return caught.value

    return fails


def test_a_class_with_arguments(reference):
    assert build_module(reference("Net"), {"width": 5}).fc.out_features == 5
    assert build_module(reference("Net")).fc.out_features == 3


def test_any_keyword_where_the_factory_takes_any(reference):
    assert build_module(reference("anything"), {"width": 5}).in_features == 5


def test_every_build_draws_the_same_numbers(reference):
    first, same, other = (build_module(reference("draw"), {}, seed) for seed in (1, 1, 2))
    assert torch.equal(first.noise, same.noise)
    assert torch.equal(first.weight, same.weight)
    assert (first.noise != other.noise).all()
    torch.manual_seed(5)
    before = torch.rand(2)
    torch.manual_seed(5)
    build_module(reference("draw"), {}, 1)
    assert torch.equal(torch.rand(2), before)


@pytest.mark.parametrize(
    ("name", "what", "expected", "found", "hint"),
    [
        (
            "state",
            "`{}()` returned no model",
            "a torch.nn.Module",
            "an OrderedDict",
            "Return the model, and name its state dict in load.weights",
        ),
        (
            "pair",
            "`{}()` returned no model",
            "a torch.nn.Module",
            "a tuple",
            "Return the model itself, and nothing beside it",
        ),
        (
            "net",
            "`{}` is a model, not a factory",
            "a function or class that returns a new model at each call",
            "Linear",
            "Write `def build(): return net` anew: the model must be built in the function",
        ),
        (
            "number",
            "`{}` is not a factory",
            "a function or class that returns a new model at each call",
            "an int",
            "Name a function that builds the model in load.model",
        ),
    ],
)
def test_what_is_not_a_factory(reference, fails, name, what, expected, found, hint):
    error = fails(UsageError, reference(name))
    assert error.what == what.format(reference(name))
    assert (error.expected, error.found, error.hint) == (expected, found, hint)


def test_a_scripted_model(reference, fails):
    error = fails(RefusedError, reference("script"))
    assert error.what == (
        f"`{reference('script')}()` returned a TorchScript model, whose layers cannot be pruned"
    )
    assert error.expected == "a torch.nn.Module in Python"
    assert error.found == "RecursiveScriptModule"
    assert error.hint == "Return the model before torch.jit.script or torch.jit.trace"


@pytest.mark.parametrize(
    ("arguments", "expected", "found", "hint"),
    [
        ({}, "`hidden`, `classes`", "no arguments", "Add `hidden` to load.arguments"),
        ({"hiden": 3}, "`hidden`, `classes`", "`hiden`", "Did you mean `hidden`?"),
        (
            {"hidden": 3, "zzz": 1},
            "`hidden`, `classes`",
            "`hidden`, `zzz`",
            "Remove `zzz` from load.arguments",
        ),
    ],
)
def test_arguments_that_do_not_fit(reference, fails, arguments, expected, found, hint):
    error = fails(UsageError, reference("wants"), arguments)
    assert error.what == (
        f"load.arguments does not fit `{reference('wants')}(hidden, *, classes=10)`"
    )
    assert (error.expected, error.found, error.hint) == (expected, found, hint)


def test_arguments_of_a_function_without_any():
    with pytest.raises(UsageError) as caught:
        check_arguments(lambda: None, "f", {"a": 1}, "verify.arguments")
    assert caught.value.what == "verify.arguments does not fit `f()`"
    assert (caught.value.expected, caught.value.found) == ("no arguments", "`a`")
    check_arguments(type, "type", {"a": 1}, "load.arguments")  # without a signature: not checked


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        (
            "timm:no_such_net.tag",
            "Install timm beside a torchvision that fits your torch, or name a factory of your own",
        ),
        (
            "torchvision:no_such_net",
            "Install a torchvision that fits your torch, or name a factory of your own",
        ),
        (
            "transformers:NoSuchConfig",
            "Correct the name of the class and load.arguments, or install transformers",
        ),
        (
            "transformers:BertModel",
            "Correct the name of the class and load.arguments, or install transformers",
        ),
    ],
)
def test_a_model_that_no_library_has(fails, model, hint):
    error = fails(UsageError, model)
    assert error.what == f"`{model}` cannot be built"
    assert error.expected == f"the package {model.partition(':')[0]}, with this model"
    assert error.found
    assert error.hint == hint


def test_a_config_class_and_its_head():
    pytest.importorskip("transformers")
    small = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    plain = build_module("transformers:BertConfig", small)
    assert type(plain).__name__ == "BertModel"
    headed = {**small, "architectures": ["BertForMaskedLM"]}
    assert type(build_module("transformers:BertConfig", headed)).__name__ == "BertForMaskedLM"


def test_a_model_folder(tmp_path):
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 8}))
    model, arguments = read_model_folder(str(tmp_path))
    assert (model, arguments["hidden_size"]) == ("transformers:BertConfig", 8)
    (tmp_path / "pytorch_model.bin").touch()
    assert find_folder_weights(str(tmp_path)).name == "pytorch_model.bin"
    assert is_model_folder(str(tmp_path))
    assert is_model_folder("./no")
    assert not is_model_folder("lenet")


@pytest.mark.parametrize(
    ("names", "found"), [((), "an empty folder"), (("b", "a"), "a, b"), (None, "no such folder")]
)
def test_a_folder_without_a_model(tmp_path, names, found):
    folder = tmp_path / "net"
    if names is not None:
        folder.mkdir()
    for name in names or ():
        (folder / name).touch()
    for read in (read_model_folder, find_folder_weights):
        with pytest.raises(UsageError) as caught:
            read(str(folder))
        error = caught.value
        assert error.what == f"`{folder}` is not a model folder"
        assert error.expected == "config.json and weights, as save_pretrained writes them"
        assert error.found == found
        assert error.hint == "Name your factory in load.model and the weights in load.weights"


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"model_type": "resnext99"}, "model_type 'resnext99'"),
        ({"model_type": "bert", "auto_map": {"AutoModel": "x.y"}}, "code of its own (auto_map)"),
        ([], "model_type ''"),
    ],
)
def test_a_folder_of_another_library(tmp_path, config, found):
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError) as caught:
        read_model_folder(str(tmp_path))
    error = caught.value
    assert error.what == f"`{tmp_path}` is not a model of transformers"
    assert error.expected == "a config.json whose model_type transformers has"
    assert error.found == found
    assert error.hint == "Name a factory that builds the model, and its weights in load.weights"


@pytest.mark.parametrize(
    ("model", "package"),
    [
        ("minilm", "transformers"),
        ("vit", "transformers"),
        ("efficientnet_lite0", "efficientnet_lite_pytorch"),
    ],
)
def test_a_built_in_model_whose_package_is_missing(fails, monkeypatch, model, package):
    monkeypatch.setitem(sys.modules, package, None)
    error = fails(UsageError, model)
    assert str(error) == (
        f"the model `{model}` needs `{package}`: expected {package}, found it is not installed. "
        "Run `pip install 'prunepack[zoo]'`"
    )
