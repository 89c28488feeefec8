"""The compact stage: a smaller file with the same outputs, and a verdict that still decides."""

import shutil

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from prunepack.errors import RefusedError
from prunepack.stages.compact import CompactConfig, compact
from prunepack.stages.compacting.proof import prove_equal
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import OnnxModel, write_interface
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.pack import PackConfig, pack
from prunepack.stages.profiling.compaction import compaction_metrics
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.parametrizations import fold_parametrizations
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_onnx_session
from prunepack.stages.structure.origin import compare_with_checkpoint
from prunepack.stages.structure.sparsity import measure_graph_sparsity
from tests.unit.stages.conftest import Workshop

PIXELS = {"input": np.random.default_rng(0).random((5, 1, 28, 28), np.float32)}
IMAGE = (InputSpec(name="input", shape=(1, 28, 28)),)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("compact"))


@pytest.fixture(scope="module")
def structured(work, chain):
    """LeNet without half of the channels of each layer: the checkpoint, its export, compacted."""
    masked = work(prune, PruneConfig(method="ln_structured", amount=0.5), chain.dense)
    final = work(finalize, FinalizeConfig(samples=1), masked)
    exported = work(export, ExportConfig(), final)
    return final, exported, work(compact, CompactConfig(), exported)


def run_file(model):
    return open_onnx_session(model.model, [CPU]).run(None, PIXELS)[0]


def test_a_model_without_half_of_its_channels_is_smaller_and_computes_the_same(run, structured):
    _, exported, compacted = structured
    assert compacted.size < 0.4 * exported.size
    sizes = [run(pack, PackConfig(), each).file.stat().st_size for each in structured[1:]]
    assert sizes[1] < 0.9 * sizes[0]
    before, after = run_file(exported), run_file(compacted)
    assert np.abs(after - before).max() <= 1e-5 * np.abs(before).max()


def test_facts_and_metrics_count_before_and_after(run, structured):
    again = run(compact, CompactConfig(), structured[1])
    numbers = (run.facts[name] for name in ("channels", "parameters", "macs"))
    assert run.facts["summary"] == (
        "236 → {:,} channels, 60,074 → {:,} parameters, 199,968 → {:,} MACs".format(*numbers)
    )
    assert run.facts["compacted"] is True
    assert run.facts["error"] < 1e-5
    metrics = compaction_metrics(again)
    assert metrics["compact.channels_before"].value == 236
    assert metrics["compact.channels"].value == run.facts["channels"] < 140
    assert metrics["compact.parameters_before"].value == 60_074
    assert metrics["compact.macs"].value < 0.5 * metrics["compact.macs_before"].value
    assert again.model.read_bytes() == structured[2].model.read_bytes()


def test_disabled_it_keeps_every_byte(run, structured):
    kept = run(compact, CompactConfig(enabled=False), structured[1])
    assert run.facts == {
        "summary": "disabled: the graph stays as it was exported",
        "compacted": False,
    }
    assert kept.model.read_bytes() == structured[1].model.read_bytes()
    assert kept.interface == structured[1].interface
    assert compaction_metrics(kept) == {}


def test_a_graph_without_dead_parts_keeps_every_byte(run, chain):
    kept = run(compact, CompactConfig(), chain.dense_onnx)
    assert run.facts["summary"] == "nothing is dead: the graph stays as it was exported"
    assert kept.model.read_bytes() == chain.dense_onnx.model.read_bytes()


def compare(onnx_model, final):
    module, _ = open_model(final)
    fold_parametrizations(module)
    metrics = compare_with_checkpoint(onnx_model, final, module)
    return {name: metric.value for name, metric in metrics.items()}


def test_the_compacted_file_is_explained_by_the_checkpoint(structured):
    values = compare(structured[2], structured[0])
    assert values["parity.graph.unexplained_nodes"] == 0
    assert values["parity.graph.compared"] > 5
    assert values["parity.weights.unaccounted"] == 0
    assert values["parity.weights.changed_values"] == 0
    assert values["parity.weights.compared"] == 5


@pytest.mark.parametrize("change", ["a weight", "a bias", "a node", "the record"])
def test_a_change_of_the_compacted_file_is_found(structured, tmp_path, change):
    final, _, compacted = structured
    shutil.copytree(compacted.path, tmp_path / "changed")
    changed = OnnxModel(tmp_path / "changed", "")
    proto = onnx.load(changed.model)
    if change == "a node":
        next(node for node in proto.graph.node if node.op_type == "Relu").op_type = "Softplus"
    elif change != "the record":
        rank = 4 if change == "a weight" else 1
        tensor = next(
            t for t in proto.graph.initializer if len(t.dims) == rank and t.data_type == 1
        )
        array = numpy_helper.to_array(tensor).copy()
        array.reshape(-1)[0] += 1e-3
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    onnx.save(proto, changed.model)
    if change == "the record":
        interface = changed.interface
        del interface["compact"]
        write_interface(changed.path, interface)
    values = compare(changed, final)
    assert values["parity.graph.unexplained_nodes"] > 0
    assert (values["parity.weights.changed_values"] > 0) is (change == "a weight")


def test_a_removal_that_changes_outputs_is_refused(chain):
    with pytest.raises(RefusedError) as caught:
        prove_equal(chain.dense_onnx.model, chain.onnx.model, IMAGE, 4, 0)
    assert caught.value.what == "compaction changed the output `output`"
    assert caught.value.expected == "a relative error of at most 0.001"
    assert float(caught.value.found) > 0.001
    assert caught.value.hint == "Set compact.enabled = false, and report the model"


def test_a_graph_that_cannot_run_is_left_to_verify(chain):
    wrong = (InputSpec(name="input", shape=(1, 2, 2)),)
    with collect_remarks() as remarks:
        assert prove_equal(chain.onnx.model, chain.onnx.model, wrong, 4, 0) == 0.0
    expected = "the compacted graph is not compared: the graph cannot run on random inputs"
    assert expected in remarks


@pytest.fixture
def plain(tmp_path):
    """Write an ONNX model ``y = x @ w`` with a dead neuron, as the load stage does."""

    def write(change=lambda _: None):
        first = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
        first[:, 2] = 0
        second = np.ones((6, 3), np.float32)
        value = helper.make_tensor_value_info
        nodes = [
            helper.make_node("MatMul", ["x", "first"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "second"], ["y"]),
        ]
        graph = helper.make_graph(
            nodes,
            "g",
            [value("x", 1, ["n", 4])],
            [value("y", 1, ["n", 3])],
            [numpy_helper.from_array(a, n) for n, a in {"first": first, "second": second}.items()],
        )
        model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
        folder = tmp_path / "source"
        folder.mkdir()
        change(model)
        onnx.save(model, folder / "model.onnx")
        inputs = [InputSpec(name="x", shape=(4,)).model_dump(mode="json")]
        write_interface(folder, {"inputs": inputs, "outputs": ["y"], "file": "mine.onnx"})
        return OnnxModel(folder, "")

    return write


def test_removed_elements_count_as_before_where_there_is_no_checkpoint(run, plain):
    source = plain()
    compacted = run(compact, CompactConfig(), source)
    assert compacted.interface["compact"]["removed"] == {"first": [4, 4], "second": [0, 3]}
    assert compacted.interface["file"] == "model.onnx"
    sparsity = measure_graph_sparsity(compacted, None)
    assert sparsity["sparsity.layer.first"].note == "4 of 24 are zero"
    assert sparsity["sparsity.weights"].note == "4 of 42 are zero"


def test_a_graph_with_sparse_initializers_stays(run, plain):
    def add_sparse(model):
        values = numpy_helper.from_array(np.ones(1, np.float32), "values")
        indices = numpy_helper.from_array(np.zeros(1, np.int64), "indices")
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))

    source = plain(change=add_sparse)
    with collect_remarks() as remarks:
        kept = run(compact, CompactConfig(), source)
    assert remarks == ["the graph is not compacted: it has sparse initializers"]
    assert kept.model.read_bytes() == source.model.read_bytes()
