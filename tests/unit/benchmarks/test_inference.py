"""The benchmark of inference: parts of it on small models, and its tables."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import results
from benchmarks.inference import engines
from benchmarks.inference.__main__ import Results
from benchmarks.inference.files import zero_smallest
from benchmarks.inference.models import NETWORKS, draw_feed
from benchmarks.inference.peers import PEERS, Engine, Peer
from benchmarks.inference.roofline import LAYERS, measure_layers, measure_limits
from benchmarks.inference.sessions import Effort, measure_ways
from benchmarks.peer_environments import REQUIREMENTS
from benchmarks.tables import inference as tables
from prunepack.errors import PrunepackError
from prunepack.sparse.native import native

EFFORT = Effort(0.001, 0.05, 3, 5)


def sleep(seconds):
    return lambda repeats: time.sleep(seconds * repeats)


def test_ways_that_differ_in_their_speed():
    row = measure_ways({"dense": sleep(0.002), "sparse": sleep(0.0005)}, EFFORT)
    assert 3 <= row["rounds"] <= 5
    assert row["ms"]["dense"] > row["ms"]["sparse"] > 0
    assert set(row["speedup"]) == {"sparse"}
    assert 1.5 < row["speedup"]["sparse"]["ratio"] < 6


def test_results_are_written_at_once_and_kept(tmp_path):
    path = tmp_path / "folder" / "r.json"
    Results(path).add("rows", "a/90/1/1", 1)
    Results(path).add("rows", "b/90/1/1", 2)
    Results(path).add("rows", "a/90/1/1", 3)
    Results(path).add("creation", "a", 4)
    value = json.loads(path.read_text())
    assert value.pop("host")
    assert value == {"rows": {"a/90/1/1": 3, "b/90/1/1": 2}, "creation": {"a": 4}}


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_the_smallest_weights_become_zero(share):
    weights = np.random.default_rng(0).standard_normal((30, 40)).astype(np.float32)
    pruned = zero_smallest(weights, share)
    assert np.count_nonzero(pruned) == 1200 - int(1200 * share)
    kept = pruned != 0
    assert np.array_equal(pruned[kept], weights[kept])
    assert np.abs(weights[~kept]).max(initial=0) <= np.abs(weights[kept]).min()


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_have_the_batch_in_front(name):
    feed = draw_feed(NETWORKS[name], 3)
    assert [value.shape for value in feed.values()] == [
        (3, *i.shape) for i in NETWORKS[name].inputs
    ]
    again = draw_feed(NETWORKS[name], 3)
    assert all(np.array_equal(feed[key], again[key]) for key in feed)


ENGINE = """
from benchmarks.inference.engines.server import serve

def start(model, feed, threads):
    print("a line of the engine's own", flush=True)
    assert model == "m.onnx" and threads == 1
    return lambda: feed["x"] * 2

serve(start)
"""


def start_engine(tmp_path, monkeypatch, source):
    (tmp_path / "engine.py").write_text(source)
    np.savez(tmp_path / "feed.npz", x=np.arange(4.0))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("benchmarks.inference.peers.ENGINES", "engine{}")
    peer = Peer("Twice", "", "")
    return Engine(peer, "m.onnx", tmp_path / "feed.npz", tmp_path / "out.npy")


def test_an_engine_in_its_process(tmp_path, monkeypatch):
    engine = start_engine(tmp_path, monkeypatch, ENGINE)
    assert np.array_equal(engine.output, 2 * np.arange(4.0))
    engine.run(3)
    engine.run(1)
    engine.close()
    with pytest.raises(ValueError, match="closed file"):
        engine.run(1)


def test_an_engine_that_refuses_the_model(tmp_path, monkeypatch):
    with pytest.raises(PrunepackError, match=r"Twice cannot run the model \(ValueError: too new\)"):
        start_engine(tmp_path, monkeypatch, "raise ValueError('too new')")


def test_an_engine_that_ends(tmp_path, monkeypatch):
    source = ENGINE.replace("return lambda: feed", "return lambda: calls.pop() and feed")
    engine = start_engine(tmp_path, monkeypatch, f"calls = [1, 1]\n{source}")
    engine.run(1)
    with pytest.raises(PrunepackError, match="an engine has ended"):
        engine.run(1)
    engine.close()


@pytest.mark.skipif(native is None or shutil.which("gcc") is None, reason="no C compiler")
def test_no_layer_is_faster_than_its_limits(monkeypatch):
    monkeypatch.setattr("benchmarks.inference.roofline.REPEATS", 2)
    limits = measure_limits()
    assert limits["multiply_adds"] > 0.9 * limits["multiply_adds_loaded"] > 1
    assert limits["read_16"] > limits["read_262144"] > 0.5
    rows = measure_layers(limits)
    assert [row["layer"] for row in rows] == [layer.title for layer in LAYERS]
    for row in rows:
        assert row["us"] > 0.8 * max(row["multiply_adds_us"], row["loads_us"])


def row(ratio, **others):
    speedup = {"ratio": ratio, "low": ratio - 0.1, "high": ratio + 0.1}
    found = {"sparse": speedup} | {name: {**speedup, "ratio": r} for name, r in others.items()}
    return {"ms": {"dense": 12.34}, "speedup": found, "error": 2e-7}


def test_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    limits = {"multiply_adds": 59.0, "multiply_adds_loaded": 50.0, "read_16": 200.0}
    layer = {"layer": "L", "us": 100, "multiply_adds_us": 20, "loads_us": 50, "memory_us": 10}
    peers = row(3.0, openvino=0.9) | {"peers": {"openvino": 1e-7, "torch_csr": "no convolution"}}
    peers["peers"]["deepsparse"] = "x" * 50
    value = {
        "host": "H",
        "rows": {
            "mlp/90/1/1": row(4.0),
            "mlp/90/1/2": row(3.6) | {"exchange_ns": 60},
            "resnet18/70/16/1": row(2.0),
        },
        "peers": {"mlp/1": peers},
        "machine": {"limits": limits | {"read_8192": 99.0}, "layers": [layer]},
    }
    (tmp_path / "inference.json").write_text(json.dumps(value))
    assert tables.inference_table().splitlines()[2:4] == [
        "| ResNet-18 | 16 | 2.00 (1.90–2.10) |  | 2e-07 |",
        "| MLP 784-4096×3-10 | 1 |  | 4.00 (3.90–4.10) | 2e-07 |",
    ]
    assert tables.threads_table().endswith("| 4.00 (3.90–4.10) | 3.60 (3.50–3.70) | 90% | 60 ns |")
    assert tables.engines_table().splitlines()[-1] == (
        "| MLP 784-4096×3-10 | 1 | 12.3 ms | **3.00 (2.90–3.10)** | does not run "
        "| 0.90 (2.90–3.10) | no convolution |"
    )
    assert "| L | 100 | 20 | 50 | 10 | 50% |" in tables.roofline_table()
    assert "200 from 16 KiB, 99 from 8 MiB." in tables.roofline_table()


def test_parts_that_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    (tmp_path / "inference.json").write_text(json.dumps({"host": "H", "rows": {}}))
    for table in (tables.threads_table, tables.engines_table, tables.roofline_table):
        assert table() == "Not measured yet: run `make bench-inference`."


@pytest.mark.parametrize("name", PEERS)
def test_every_engine_has_its_module_and_its_pinned_packages(name):
    module = Path(engines.__file__).with_name(f"{PEERS[name].module}.py")
    assert module.read_text().endswith("serve(start)\n")
    if environment := PEERS[name].environment:
        packages = (REQUIREMENTS / f"{environment}.txt").read_text().split()
        assert packages
        assert all("==" in package for package in packages)
