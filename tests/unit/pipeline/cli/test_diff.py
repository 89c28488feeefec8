"""``prunepack diff``: what it prints, and the exit code that a script can ask."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper

import prunepack
from prunepack.pipeline import cli


def write(path, **tensors):
    """Write a model of nothing but initializers."""
    protos = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = helper.make_graph([], "g", [], [], protos)
    path.write_bytes(helper.make_model(graph, producer_name="test").SerializeToString())
    return path


def weights(**changes):
    rng = np.random.default_rng(0)
    sound = {
        "w": rng.normal(size=(6, 5)).astype("f4"),
        "b": np.ones(20, "f4"),
        "k": np.arange(20, dtype="i8"),
        "c": np.ones(1, "f4"),
    }
    return sound | changes


@pytest.fixture
def diff(tmp_path, capsys):
    """Run the command on two models, each packed or not."""

    def run(before, after, *options, packed=(True, True)):
        paths = []
        for name, tensors, pack in zip("ab", (before, after), packed, strict=True):
            path = write(tmp_path / f"{name}.onnx", **tensors)
            if pack:
                prunepack.pack(path, tmp_path / f"{name}.prunepack")
                path = tmp_path / f"{name}.prunepack"
            paths.append(str(path))
        code = cli.prunepack.main(["diff", *paths, *options], standalone_mode=False)
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize("packed", [(True, True), (True, False), (False, False)])
def test_the_same_model(packed, diff):
    code, said = diff(weights(), weights(), packed=packed)
    assert code == 0
    assert said == "Tensors: 0 changed, 3 the same\nAll other bytes are the same\n"


def test_values_that_changed(diff):
    w = weights()["w"].copy()
    w[2, 3:] = 0
    w[0, 1] += 2
    code, said = diff(weights(), weights(w=w))
    head, _, row = said.splitlines()[:3]
    assert code == 1
    assert head.split()[:3] == ["tensor", "changed", "largest"]
    assert row.split()[:7] == ["w", "3", "(10.0", "%)", "2", "0,", "1"]
    assert row.endswith("0.0 → 6.7 %       2        0    0")
    assert "Tensors: 1 changed, 2 the same\nAll other bytes are the same" in said


def test_what_changed_most_comes_first(diff):
    _, said = diff(weights(), weights(b=weights()["b"] * 1.5, k=weights()["k"] + 9))
    assert [line.split()[0] for line in said.splitlines()[2:4]] == ["k", "b"]


def test_tensors_that_are_not_on_both_sides(diff):
    after = weights(w=weights()["w"].reshape(5, 6), k=np.arange(20, dtype="i4"), new=np.ones(30))
    after["bias"] = after.pop("b")
    code, said = diff(weights(), after, packed=(True, False))
    rows = [" ".join(line.split()) for line in said.splitlines()[2:6]]
    assert code == 1
    assert sorted(rows) == [
        "added new float64 30",
        "renamed b → bias float32 20",
        "reshaped w float32 6×5 → float32 5×6",
        "retyped k int64 20 → int32 20",
    ]


def test_a_tensor_that_went(diff):
    after = weights()
    del after["k"]
    _, said = diff(weights(), after)
    assert "removed  k       int64 20" in said
    assert "Tensors: 0 changed, 1 removed, 2 the same" in said


def test_only_what_is_no_tensor_changed(diff):
    code, said = diff(weights(), weights(c=np.zeros(1, "f4")))
    assert code == 1
    assert said == (
        "Tensors: 0 changed, 3 the same\n"
        "All other bytes differ: the graph, its metadata, or tensors too small to be told apart\n"
    )


def test_for_machines(diff):
    w = weights()["w"].copy()
    w[1, 1], w[2, 2] = np.inf, np.nan
    code, said = diff(weights(), weights(w=w), "--json")
    assert code == 1
    value = json.loads(said, parse_constant=pytest.fail)
    (row,) = value.pop("tensors")
    assert value == {"same": False, "other_bytes_differ": False, "same_tensors": 2}
    spec = {"dtype": "float32", "shape": [6, 5]}
    assert row == {
        "name": "w",
        "kind": "values",
        "before": spec,
        "after": spec,
        "changed": 2,
        "largest": "inf",
        "largest_at": [1, 1],
        "relative": 0.0,
        "nan": 1,
        "zeros_before": 0,
        "zeros_after": 0,
        "newly_zero": 0,
        "revived": 0,
        "negative_zeros_before": 0,
        "negative_zeros_after": 0,
        "denormals_before": 0,
        "denormals_after": 0,
    }


def test_a_tensor_that_came_for_machines(diff):
    _, said = diff(weights(), weights(new=np.ones((3, 7), "f4")), "--json")
    (row,) = json.loads(said)["tensors"]
    after = {"dtype": "float32", "shape": [3, 7]}
    assert row == {"name": "new", "was": None, "kind": "added", "before": None, "after": after}


def test_a_checkpoint_can_be_compared(tmp_path, capsys):
    from safetensors.numpy import save_file

    for name, tensors in (("a", weights()), ("b", weights(b=np.zeros(20, "f4")))):
        save_file(tensors, tmp_path / f"{name}.safetensors")
    prunepack.pack(tmp_path / "a.safetensors", tmp_path / "a.prunepack")
    for left, right, code in (("a", "b", 1), ("a.prunepack", "a", 0)):
        paths = [str(tmp_path / (p if "." in p else f"{p}.safetensors")) for p in (left, right)]
        assert cli.prunepack.main(["diff", *paths], standalone_mode=False) == code
    assert "0.0 → 100.0 %" in capsys.readouterr().out
