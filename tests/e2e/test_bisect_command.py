"""``prunepack bisect`` as a user meets it: what it prints, and how it exits."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.e2e.conftest import call

HOWTO = (Path(__file__).parents[2] / "docs/how-to/bisect.md").read_text()


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    """A folder with LeNet as a checkpoint, its export, and a copy that was tampered with."""
    folder = tmp_path_factory.mktemp("bisect")
    for words in ("load --model lenet -o work/final", "export work/final -o work/onnx"):
        done = call(*words.split(), cwd=folder)
        assert done.code == 0, done.err
    made = onnx.load(folder / "work/onnx/model.onnx")
    (weight,) = (one for one in made.graph.initializer if one.name == "conv2.weight")
    array = numpy_helper.to_array(weight).copy()
    array[[0, 1]] = array[[1, 0]]
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    (folder / "wrong.onnx").write_bytes(made.SerializeToString())
    return folder


def test_the_same_model_agrees(lenet):
    done = call("bisect", "work/final", "work/onnx", cwd=lenet)
    assert done.code == 0
    assert "All outputs agree." in done.out


def test_the_divergence_is_printed_for_people(lenet):
    done = call("bisect", "work/final", "wrong.onnx", cwd=lenet)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[:2] == ["A  work/final", "B  wrong.onnx"]
    assert lines[3] == "Divergence at node_conv2d_1 (Conv)"
    assert max(map(len, lines)) <= 80
    unwrapped = re.sub(r"\n {14}", " ", done.out)
    said = dict(re.findall(r"^  (\S[\S ]*?)  +(.+)$", unwrapped, re.MULTILINE))
    assert said["module"] == "conv2 (Conv2d)"
    assert re.fullmatch(r"conv2d_1\[\d+, [01], \d+, \d+\]: \S+ and \S+", said["tensor"])
    assert said["isolated"].endswith("on the same inputs: this is the cause")
    assert said["cause"].startswith("conv2.weight differs in 108 of 864 values, most at [")
    assert said["matched"] == "12 of 12 nodes, 0 by name alone"
    assert said["allowed"].startswith("float64 1e-07, float32 0.0001")


def test_the_divergence_is_printed_for_machines(lenet):
    done = call("bisect", "work/onnx", "wrong.onnx", "--json", cwd=lenet)
    assert done.code == 1
    found = json.loads(done.out)
    assert found["agree"] is False
    assert found["divergence"]["node"] == "node_conv2d_1"
    assert found["divergence"]["module"] == "conv2"
    assert found["divergence"]["confirmed"] is True
    assert found["tolerance"] == {"float64": 0.0, "float32": 0.0, "float16": 0.0}
    assert found["runs"] <= 12


def test_a_larger_tolerance_lets_it_pass(lenet):
    done = call("bisect", "work/onnx", "wrong.onnx", "--tolerance", "100", cwd=lenet)
    assert done.code == 0
    assert "node_conv2d_1: conv2.weight differs in 108 of 864 values" in done.out


def test_samples_of_ones_own(lenet):
    np.savez(lenet / "x.npz", input=np.zeros((4, 1, 28, 28), np.float32))
    done = call("bisect", "work/onnx", "wrong.onnx", "--inputs", "x.npz", cwd=lenet)
    assert done.code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("work/onnx", "nothing.onnx"), 2, "`nothing.onnx` does not exist"),
        (("work/onnx",), 2, "Missing argument 'B'"),
        (("work/onnx", "wrong.onnx", "--tolerance", "-1"), 2, "--tolerance"),
        (("work/onnx", "wrong.onnx", "--inputs", "no.npz"), 2, "no.npz"),
        (("work/onnx", "work/final/model.json"), 4, "cannot be read: expected an ONNX model"),
        (("work/onnx", "work"), 4, "`work` holds no output of a stage"),
    ],
)
def test_misuse_is_explained(lenet, arguments, code, message):
    done = call("bisect", *arguments, cwd=lenet)
    assert message in done.error
    assert done.code == code


def test_nothing_in_common_exits_with_5(lenet):
    made = onnx.load(lenet / "work/onnx/model.onnx")
    for name in ("first", "second"):
        other = made.graph.output.add()
        other.CopyFrom(made.graph.output[0])
        other.name = name
        made.graph.node.append(onnx.helper.make_node("Relu", ["output"], [name], name=name))
    del made.graph.output[0]
    (lenet / "others.onnx").write_bytes(made.SerializeToString())
    done = call("bisect", "work/onnx", "others.onnx", cwd=lenet)
    assert done.code == 5
    assert "Nothing was compared" in done.out


@pytest.mark.slow
def test_the_commands_of_the_page_run(lenet):
    lines = re.findall(r"^prunepack (bisect .*)$", HOWTO, re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        done = call(*line.split(), cwd=lenet)
        assert done.code == ("wrong.onnx" in line), done
