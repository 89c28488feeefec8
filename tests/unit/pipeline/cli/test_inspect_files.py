"""``prunepack inspect`` looks inside files, refuses broken ones, and escapes names."""

import json
import os
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import prunepack
from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline import cli
from prunepack.sparse.native import native

EVIL = "\x1b]0;t\x07\x1b[31mred\r\nEVIL\u202e\x9b1m"
SHOWN = r"\x1b]0;t\x07\x1b[31mred\r\nEVIL\u202e\x9b1m"


def save(path, name="w", **options):
    tensor = numpy_helper.from_array(np.arange(200, dtype=np.float32), name)
    graph = helper.make_graph([], "g", [], [], [tensor])
    onnx.save_model(helper.make_model(graph), path, **options)
    return path


def run(*arguments):
    return cli.prunepack.main([str(a) for a in arguments], standalone_mode=False)


@pytest.mark.parametrize("name", ["model.pp", "model.bin", "model"])
def test_an_artifact_of_any_name(name, tmp_path, capsys):
    prunepack.pack(save(tmp_path / "m.onnx"), tmp_path / name)
    run("inspect", tmp_path / name)
    assert "literals" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["model.bin", "model"])
def test_an_onnx_model_of_any_name(name, tmp_path, capsys):
    save(tmp_path / name)
    run("inspect", tmp_path / name)
    assert capsys.readouterr().out.splitlines()[2].split() == ["w", "float32", "200", "0.5", "%"]


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_denormals_are_counted(name, tmp_path, capsys):
    words = np.array([1, 2, 0, 0x3F800000], np.int32)
    if name.endswith(".onnx"):
        graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(words.view("f4"), "w")])
        onnx.save_model(helper.make_model(graph), tmp_path / name)
    else:
        save_file({"w": words.view("f4")}, tmp_path / name)
    run("inspect", tmp_path / name)
    assert f" bytes in {name}, 2 elements are denormal\n\n2 of 4 e" in capsys.readouterr().out
    run("inspect", tmp_path / name, "--json")
    assert json.loads(capsys.readouterr().out)["tensors"][0]["denormals"] == 2


@pytest.mark.parametrize("name", ["p.onnx", "p.prunepack", "p.safetensors", "p"])
def test_a_pipe_is_refused_at_once(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="found a folder, a pipe or a device"):
        run("inspect", tmp_path / name)


def cut(folder):
    (folder / "w.bin").write_bytes(bytes(12))


def remove(folder):
    (folder / "w.bin").unlink()


def replace_by_folder(folder):
    (folder / "w.bin").unlink()
    (folder / "w.bin").mkdir()


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (cut, RefusedError, "external data of tensor `w` is incomplete"),
        (remove, UsageError, r"cannot open .*w\.bin"),
        (replace_by_folder, UsageError, r"cannot read .*w\.bin"),
    ],
)
def test_broken_external_data_is_named(damage, error, message, tmp_path):
    options = {"save_as_external_data": True, "location": "w.bin", "size_threshold": 0}
    save(tmp_path / "m.onnx", **options)
    damage(tmp_path)
    with pytest.raises(error, match=message):
        run("inspect", tmp_path / "m.onnx")


@pytest.mark.parametrize("change", ["short", "without type", "unknown type"])
def test_a_malformed_tensor_is_refused(change, tmp_path):
    model = onnx.load(save(tmp_path / "m.onnx"))
    (tensor,) = model.graph.initializer
    if change == "short":
        tensor.raw_data = tensor.raw_data[:7]
    else:
        tensor.data_type = 0 if change == "without type" else 99
    onnx.save_model(model, tmp_path / "m.onnx")
    with pytest.raises(RefusedError, match="cannot be read: expected an ONNX model, found"):
        run("inspect", tmp_path / "m.onnx")


def test_names_do_not_drive_the_terminal(tmp_path, capsys):
    model = save(tmp_path / "m.onnx", EVIL)
    other = save(tmp_path / "o.onnx", "w")
    prunepack.pack(model, tmp_path / "m.prunepack")
    for arguments in (
        ("inspect", model),
        ("inspect", tmp_path / "m.prunepack"),
        ("diff", model, other),
        ("diff", other, tmp_path / "m.prunepack"),
    ):
        run(*arguments)
        said = capsys.readouterr().out
        assert SHOWN in said
        assert all(character.isprintable() for character in said.replace("\n", ""))
        assert not any(line.startswith("EVIL") for line in said.splitlines())


def save_product(path, sparsity):
    weights = np.zeros((256, 256), np.float32)
    weights[:, : round(256 * (1 - sparsity))] = 1
    make = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "g",
        [make("x", TensorProto.FLOAT, [64, 256])],
        [make("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, path)


@pytest.mark.skipif(native is None, reason="installed without a compiler")
@pytest.mark.parametrize("form", ["m.onnx", "m.prunepack"])
@pytest.mark.parametrize(
    ("sparsity", "percent", "runs"), [(0.0, "0.0 %", "dense"), (0.95, "94.9 %", "sparse")]
)
def test_layers_on_sparse_kernels(form, sparsity, percent, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("prunepack.sparse.options.load_rates", lambda _: None)
    save_product(tmp_path / "m.onnx", sparsity)
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack")
    run("inspect", tmp_path / form, "--sparse")
    shown = capsys.readouterr().out
    assert re.search(rf"product +MatMul +256×256 +64 +{percent}.* {runs}\n", shown)
    count = int(runs == "sparse")
    assert f"{count} of 1 layers run on sparse kernels; estimated for one thread" in shown
    run("inspect", tmp_path / form, "--sparse", "--json")
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["is_sparse"] is (runs == "sparse")
    assert layer["sparsity"] == pytest.approx(sparsity, abs=0.01)


def test_sparse_layers_of_another_kind_of_file(tmp_path):
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "m.safetensors")
    path = tmp_path / "m.safetensors"
    with pytest.raises(UsageError) as caught:
        run("inspect", path, "--sparse")
    assert str(caught.value) == (
        f"`{path}` has no sparse layers: expected an ONNX model or an artifact"
    )


def test_sparse_layers_without_native_code(tmp_path, monkeypatch):
    monkeypatch.setattr("prunepack.sparse.library.native", None)
    save_product(tmp_path / "m.onnx", 0.9)
    with pytest.raises(UsageError) as caught:
        run("inspect", tmp_path / "m.onnx", "--sparse")
    assert str(caught.value) == (
        "sparse kernels cannot run here: the native library is not installed, because there was "
        "no C compiler. Omit `--sparse`, or change this"
    )
