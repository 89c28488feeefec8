"""ONNX models without torch: two files compared, and a run from an ONNX file to a verdict."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from prunepack import pack
from tests.unit.stages.graphs.models import two_layers

HIDDEN = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "onnxscript", "torchvision"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
import importlib.metadata as metadata
version = metadata.version

def hide(name):
    if name in {"torch", "onnxscript"}:
        raise metadata.PackageNotFoundError(name)
    return version(name)

metadata.version = hide
from prunepack.pipeline.cli import main
main()
"""

DATA = """
import numpy as np
import onnxruntime

def samples():
    x = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    dense = onnxruntime.InferenceSession("dense.onnx", providers=["CPUExecutionProvider"])
    return {"x": x, "labels": dense.run(None, {"x": x})[0].argmax(axis=1)}

def dataset():
    given = samples()
    return {"test": (given["x"], given["labels"])}
"""

RECIPE = """
[load]
model = "dense.onnx"
dataset = "data.py:dataset"

[prune]
amount = 0.5

[measure]
batch_sizes = []

[gate]
skip = ["accuracy.drop"]  # no training follows
"""


@pytest.fixture
def prunepack(tmp_path):
    """Runs a command in a process that has no torch; returns its result."""
    onnx.save(two_layers(), tmp_path / "dense.onnx")
    pruned = two_layers()
    for tensor in pruned.graph.initializer:
        array = numpy_helper.to_array(tensor).copy()
        array[np.abs(array) < 0.3] = 0
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    onnx.save(pruned, tmp_path / "pruned.onnx")
    pack(tmp_path / "pruned.onnx", tmp_path / "pruned.prunepack")
    (tmp_path / "data.py").write_text(DATA)
    (tmp_path / "recipe.toml").write_text(RECIPE)

    def prunepack(*words, code=0):
        command = [sys.executable, "-c", HIDDEN, *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done

    return prunepack


QUICK = ("--rounds", "5", "--repeats", "10", "--batch-sizes", "1", "--provider", "cpu")


@pytest.mark.parametrize("pruned", ["pruned.onnx", "pruned.prunepack"])
def test_two_files_are_judged(prunepack, tmp_path, pruned):
    inputs = ("--inputs", "data.py:samples")
    prunepack("verify", "dense.onnx", pruned, "-o", "parity", "--provider", "cpu", *inputs)
    prunepack("measure", "dense.onnx", pruned, "-o", "measured", *QUICK)
    limits = ("similarity.mean_cosine >= 0.8", "agreement.dense >= 50", "size.ratio_zstd19 >= 0.5")
    words = [word for limit in limits for word in ("--limits", limit)]
    done = prunepack("gate", "parity", "measured", *words, "--skip", "accuracy.drop", "--json")
    report = json.loads(done.stdout)
    metrics = report["metrics"]
    form = "artifact" if pruned.endswith("prunepack") else "onnx"
    assert {f"accuracy.{name}" for name in ("dense", form, "drop")} <= metrics.keys()
    assert not any(name.startswith(("parity.torch", "torch.")) for name in metrics)
    assert metrics["sparsity.weights"]["value"] > 15
    assert metrics[f"size.{form}"]["value"] == (tmp_path / pruned).stat().st_size
    checks = {check["name"]: check["outcome"] for check in report["checks"]}
    assert set(checks.values()) == {"passed"}
    assert {"similarity.unmatched_outputs", "latency.provider_mismatches"} <= checks.keys()
    prunepack("gate", "parity", "--limits", "similarity.mean_cosine >= 0.9999", *SKIP, code=1)


SKIP = ("--skip", "latency.*", "--skip", "graph.*", "--skip", "runtime.nodes_elsewhere")


def test_a_gate_without_a_limit_on_quality_says_so(prunepack):
    prunepack("verify", "dense.onnx", "pruned.onnx", "-o", "parity")
    done = prunepack("gate", "parity", *SKIP)
    assert "no limit on the similarity or the accuracy of the pruned model" in done.stderr


def test_an_artifact_and_its_own_model_must_agree(prunepack):
    prunepack("verify", "pruned.onnx", "pruned.prunepack", "-o", "parity")
    done = prunepack("gate", "parity", *SKIP, "--json")
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["parity.session.differing_values"]["value"] == 0
    assert metrics["parity.weights.differing_bytes"]["value"] == 0
    assert "similarity.samples" not in metrics


@pytest.mark.slow
def test_a_packed_dense_model(prunepack, tmp_path):
    pack(tmp_path / "dense.onnx", tmp_path / "dense.prunepack")
    prunepack("verify", "dense.prunepack", "pruned.onnx", "-o", "parity")
    prunepack("measure", "dense.prunepack", "pruned.prunepack", "-o", "measured", *QUICK)
    prunepack("gate", "parity", *SKIP)


def test_files_of_the_same_model(prunepack):
    prunepack("verify", "dense.onnx", "dense.onnx", "--same", "-o", "same")
    prunepack("gate", "same", *SKIP)
    prunepack("verify", "dense.onnx", "pruned.onnx", "--same", "-o", "other")
    done = prunepack("gate", "other", *SKIP, code=1)
    assert "parity.files.beyond_tolerance <= 0" in done.stdout


def test_a_run_from_onnx_to_a_verdict(prunepack, tmp_path):
    prunepack("run", "recipe.toml")
    report = json.loads((tmp_path / "artifacts" / "recipe" / "report.json").read_text())
    assert report["verdict"] == "passed"
    assert report["metrics"]["sparsity.weights"]["value"] == 50
    assert report["metrics"]["accuracy.samples"]["value"] == 60
    assert [stage["stage"] for stage in report["provenance"]["stages"]] == [
        *("load", "prune", "compact", "pack", "verify", "measure", "gate")
    ]
    again = prunepack("run", "recipe.toml")
    assert again.stdout.count("reused") == 7


def test_a_changed_source_runs_again(prunepack, tmp_path):
    prunepack("run", "recipe.toml", "--until", "prune")
    onnx.save(two_layers(scale=2.0), tmp_path / "dense.onnx")
    again = prunepack("run", "recipe.toml", "--until", "prune")
    assert "reused" not in again.stdout
