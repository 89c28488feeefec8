"""Tensors in the result of a model: any container, with a path for each."""

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from prunepack.stages.models.output_tree import (
    flatten_result,
    has_keys,
    name_paths,
    select_tensors,
)

T = torch.zeros(1)
Point = namedtuple("Point", "x y")


@dataclass
class Record:
    logits: object
    hidden: object = None


def cache(**layers):
    return SimpleNamespace(layers=[SimpleNamespace(**layer) for layer in layers.values()])


@pytest.mark.parametrize(
    ("result", "paths", "names"),
    [
        (T, [""], ["output"]),
        ([T], ["0"], ["output"]),
        ((T, [T, (T, None)]), ["0", "1.0", "1.1.0"], ["output_0", "output_1", "output_2"]),
        ({"a": T, "b": None}, ["a"], ["a"]),
        ({"a": [T, T], 3: T}, ["a.0", "a.1", "3"], ["a.0", "a.1", "3"]),
        (Record(T), ["logits"], ["logits"]),
        (Record(T, {"x": T}), ["logits", "hidden.x"], ["logits", "hidden.x"]),
        (Point(T, 4), ["x"], ["x"]),
        (({"a": T}, T), ["0.a", "1"], ["output_0", "output_1"]),
        (cache(first={"keys": T, "values": T}), ["0.key", "0.value"], ["0.key", "0.value"]),
        (SimpleNamespace(scores=T, label="x"), ["scores"], ["scores"]),
        (None, [], []),
    ],
)
def test_paths_and_names(result, paths, names):
    assert list(select_tensors(flatten_result(result))) == paths
    assert name_paths(result, paths) == dict(zip(names, paths, strict=True))


def test_a_cache_for_encoder_and_decoder():
    layer = {"keys": T, "values": T}
    both = SimpleNamespace(
        self_attention_cache=cache(first=layer), cross_attention_cache=cache(first=layer)
    )
    assert list(flatten_result({"cache": both})) == [
        "cache.self.0.key",
        "cache.self.0.value",
        "cache.cross.0.key",
        "cache.cross.0.value",
    ]


def test_values_that_are_no_tensors_are_kept_apart():
    leaves = flatten_result((T, 7, "text", None))
    assert list(leaves) == ["0", "1", "2"]
    assert list(select_tensors(leaves)) == ["0"]


def test_a_container_that_holds_itself():
    result = {"a": T}
    result["self"] = result
    assert list(flatten_result(result)) == ["a"]


def test_a_tuple_has_numbers_and_everything_else_has_keys():
    assert [has_keys(value) for value in ((T,), [T], {}, Record(T), Point(T, T))] == [
        False,
        False,
        True,
        True,
        True,
    ]
