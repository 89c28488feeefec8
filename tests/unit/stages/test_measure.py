"""Measuring: sizes equal those of the files, and each metric has one of the dense model."""

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import onnx
import pytest
import zstandard
from pydantic import ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import Measurements, OnnxModel, hash_release
from prunepack.stages.details.records import Details
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.measure import MeasureConfig, measure
from prunepack.stages.pack import PackConfig, pack
from prunepack.stages.profiling.sizes import check_dense_size, zstd19_size
from prunepack.stages.runtime.host import host_name

QUICK = MeasureConfig(provider="cpu", repeats=10, rounds=5, batch_sizes=(1, 3))


def list_parts(chain):
    return chain.dense, chain.masked, chain.dense_onnx, chain.onnx, chain.artifact


@pytest.fixture
def measured(run):
    def measured(chain, config=QUICK):
        return run(measure, config, *list_parts(chain))

    return measured


@dataclass(frozen=True)
class Measured:
    """The output of measure for LeNet, its facts, and when it began and ended."""

    output: Measurements
    facts: dict
    began: datetime
    ended: datetime


@pytest.fixture(scope="module")
def of_lenet(workshop, chain):
    run, began = workshop("measured"), datetime.now(UTC)
    output = run(measure, QUICK, *list_parts(chain))
    return Measured(output, run.facts, began, datetime.now(UTC))


def size(path):
    return path.stat().st_size


def test_sizes_are_those_of_the_files(chain, of_lenet):
    metrics = of_lenet.output.content["metrics"]
    values = {name: one["value"] for name, one in metrics.items()}
    dense_onnx = chain.dense_onnx.model
    zstd = len(zstandard.compress(dense_onnx.read_bytes(), 19))
    assert values["size.state_dict"] == size(chain.dense.path / "weights.safetensors")
    assert values["size.masked_state_dict"] == size(chain.masked.path / "masked.safetensors")
    assert values["size.dense_onnx"] == size(dense_onnx)
    assert values["size.onnx"] == size(chain.onnx.model)
    assert values["size.artifact"] == size(chain.artifact.file)
    assert values["size.dense_onnx_zstd19"] == pytest.approx(zstd, rel=1e-3)
    pruned = len(zstandard.compress(chain.onnx.model.read_bytes(), 19))
    assert values["size.onnx_zstd19"] == pytest.approx(pruned, rel=1e-3)
    assert values["size.ratio"] == size(dense_onnx) / size(chain.artifact.file) > 9
    assert values["size.ratio_zstd19"] == (
        values["size.dense_onnx_zstd19"] / values["size.artifact"]
    )


def test_details_are_those_of_the_release(of_lenet):
    details = Details.model_validate(of_lenet.output.content["details"])
    assert [layer.name for layer in details.layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    date, second = datetime.fromisoformat(details.date), timedelta(seconds=1)
    assert of_lenet.began - second < date < of_lenet.ended + second
    assert details.versions["torch"].startswith("2.")
    assert (details.recipe, details.rounds) == ("", ())


def test_latencies_for_every_batch_size_with_their_host(chain, of_lenet):
    found = of_lenet.output
    assert isinstance(found, Measurements)
    metrics = found.content["metrics"]
    names = {name for name in metrics if name.startswith("latency.")}
    times = {f"{side}{what}" for side in ("dense", "pruned") for what in ("", "_p90", "_p99")}
    of_a_batch = times | {"dense_throughput", "pruned_throughput", "ratio", "verdict", "preempted"}
    assert names == {"latency.provider_mismatches"} | {
        f"latency.{name}.{what}"
        for name, whats in (
            ("session", times | {"ratio", "verdict"}),
            ("batch_1", of_a_batch),
            ("batch_3", of_a_batch),
        )
        for what in whats
    }
    core = max(os.sched_getaffinity(0))
    where = f"CPUExecutionProvider, 1 thread pinned to core {core}, {host_name()}"
    for name in ("session", "batch_1", "batch_3"):
        for what in times:
            one = metrics[f"latency.{name}.{what}"]
            assert one["value"] > 0
            assert (one["unit"], one["note"]) == ("ms", where)
        ratio = metrics[f"latency.{name}.ratio"]
        assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert metrics["latency.provider_mismatches"]["value"] == 0
    assert found.content["host"] == host_name()
    models = (chain.onnx, chain.artifact, chain.dense, chain.dense_onnx)
    assert found.content["digests"] == hash_release(*models)
    names = {"dense/weights.safetensors", "dense/model.onnx", "model.onnx", "model.prunepack"}
    assert found.content["digests"].keys() == names


def test_where_it_runs_and_what_memory_it_needs(of_lenet):
    metrics = of_lenet.output.content["metrics"]
    assert metrics["runtime.nodes"]["value"] >= 14
    assert metrics["runtime.nodes_elsewhere"]["value"] == 0
    assert metrics["runtime.tf32"]["value"] == 0
    for side in ("dense", "pruned"):
        assert 10**7 < metrics[f"memory.{side}"]["value"] < 10**9
        assert "a batch of 3" in metrics[f"memory.{side}"]["note"]


def test_what_it_says(of_lenet):
    metrics = of_lenet.output.content["metrics"]
    values = {name: one["value"] for name, one in metrics.items()}
    artifact, ratio = values["size.artifact"], values["size.ratio"]
    latency = values["latency.batch_1.ratio"]
    word = metrics["latency.batch_1.verdict"]["note"].partition(":")[0]
    assert word in {"slower", "faster", "undecided"}
    assert of_lenet.facts == {
        "summary": f"{artifact:,} bytes, {ratio:.2f}× smaller than dense ONNX, "
        f"latency {latency:.2f}× dense ({word})",
        "artifact_bytes": artifact,
    }


def test_threads_are_said(chain, measured):
    config = QUICK.model_copy(update={"threads": 2, "batch_sizes": (1,)})
    note = measured(chain, config).content["metrics"]["latency.batch_1.dense"]["note"]
    cores = ", ".join(map(str, sorted(os.sched_getaffinity(0))[-2:]))
    assert f", 2 threads pinned to core {cores}, " in note


def test_no_batch_sizes_measure_sizes_only(chain, measured, run):
    metrics = measured(chain, QUICK.model_copy(update={"batch_sizes": ()})).content["metrics"]
    assert {name for name in metrics if name.startswith(("latency", "memory"))} == {
        "latency.provider_mismatches"
    }
    assert metrics["runtime.nodes_elsewhere"]["value"] == 0
    assert run.facts["summary"].endswith("smaller than dense ONNX")


def test_a_fixed_batch_is_the_only_one_timed(chain, run, measured):
    fixed = run(export, ExportConfig(dynamic_batch=False), chain.final)
    artifact = run(pack, PackConfig(), fixed)
    metrics = measured(replace(chain, onnx=fixed, artifact=artifact)).content["metrics"]
    assert "latency.batch_1.ratio" in metrics
    assert "latency.batch_3.ratio" not in metrics
    assert size(fixed.model) != size(chain.dense_onnx.model)
    assert metrics["size.onnx"]["value"] == size(fixed.model)
    assert metrics["size.ratio"]["value"] == size(chain.dense_onnx.model) / size(artifact.file)


def test_an_artifact_of_another_model(chain, run, user, measured):
    config = LoadConfig(model=f"{user}mlp", inputs=(InputSpec(name="x", shape=(8,)),))
    other = run(pack, PackConfig(), run(export, ExportConfig(), run(load, config)))
    with pytest.raises(RefusedError, match="onnxruntime cannot run the model on input: found Req"):
        measured(replace(chain, artifact=other))


def test_several_files_count_together_in_blocks(tmp_path):
    data = np.random.default_rng(0).integers(0, 4, 1_500_000, dtype=np.uint8).tobytes()
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(b"")
    together = zstd19_size([tmp_path / "a", tmp_path / "b"])
    alone = zstd19_size([tmp_path / "a"])
    assert 0 < together - alone < 20
    assert alone < len(data) / 3


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"batch_sizes": (1, 0)}, "a batch has at least 1 sample, found 0"),
        ({"batch_sizes": (-4,)}, "a batch has at least 1 sample, found -4"),
        ({"repeats": 9}, "greater than or equal to 10"),
        ({"rounds": 4}, "greater than or equal to 5"),
        ({"seconds": 0}, "greater than 0"),
        ({"threads": 0}, "greater than or equal to 1"),
        ({"provider": "tpu"}, "Input should be 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_settings_out_of_range(given, problem):
    with pytest.raises(ValidationError, match=problem):
        MeasureConfig(**given)


def test_zstd_itself_agrees(chain, tmp_path):
    program = subprocess.run(["which", "zstd"], capture_output=True, check=False)
    if program.returncode:
        pytest.skip("zstd is not installed")
    command = ["zstd", "-19", "-c", "-q", "--no-check", str(chain.dense_onnx.model)]
    theirs = subprocess.run(command, capture_output=True, check=True).stdout
    assert zstd19_size([chain.dense_onnx.model]) == pytest.approx(len(theirs), rel=2e-3)


def test_the_host_decides_over_the_result():
    assert measure.host_bound is True


@pytest.mark.parametrize("how", ["initializer", "text", "node"])
def test_a_padded_dense_model_is_refused(how, chain, tmp_path):
    """The ratio of sizes would rise, whatever the padding is."""
    folder = shutil.copytree(chain.dense_onnx.path, tmp_path / "padded")
    model = onnx.load(folder / "model.onnx")
    padding = onnx.numpy_helper.from_array(np.ones(1 << 18, np.float32), "padding")
    if how == "text":
        model.doc_string = "x" * (1 << 20)
    elif how == "node":
        model.graph.node.add(op_type="Constant", output=["p"]).attribute.add(
            name="value", type=onnx.AttributeProto.TENSOR, t=padding
        )
    else:
        model.graph.initializer.append(padding)
    (folder / "model.onnx").chmod(0o644)
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(RefusedError) as caught:
        check_dense_size(OnnxModel(folder, ""), chain.onnx)
    assert str(caught.value) == (
        "the dense ONNX model is much larger than the pruned one before packing: expected at most "
        f"{2 * chain.onnx.size + (1 << 16):,} bytes, found "
        f"{(folder / 'model.onnx').stat().st_size:,} bytes. "
        "Export the dense model and the pruned one with the same settings"
    )
    check_dense_size(chain.dense_onnx, chain.onnx)
