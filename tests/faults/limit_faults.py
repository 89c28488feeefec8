"""Releases beyond a limit, and limits that could let everything through."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import onnx
import torch
from safetensors.torch import load_file, save_file

from prunepack.stages.metrics.metric import Metric, metrics_to_json
from tests.faults.fault import Fault
from tests.faults.graphs import change, constant, insert, maker
from tests.faults.lab import copy_of
from tests.faults.planting import edit_file
from tests.faults.report_faults import replace_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.fault import Command
    from tests.faults.planting import Edit

__all__ = ["FAULTS"]

HEADS = ("Conv", "Gelu", "Gemm", "LayerNormalization", "ReduceMean", "Relu", "Softmax", "Sub")


def _held_to(options: Sequence[str], folder: Path) -> Sequence[Command]:
    """Judge an honest report by something else."""
    return [copy_of("lenet", folder).judge(*options)]


def _measured(edit: Edit, options: Sequence[str], folder: Path) -> Sequence[Command]:
    """Edit the graph; measure and judge what it asks of a runtime."""
    release = copy_of("heads", folder)
    edit_file(release.model, edit)
    release.pack()
    return release.judge_all(*options)


def _custom_domain(model: Any) -> None:
    node = maker(model, "gelu")
    node.domain = "com.microsoft"
    del node.attribute[:]
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))


def _dropout(model: Any) -> None:
    """Leave Dropout in training: onnxruntime takes it out, other runtimes may not."""
    ratio, training = constant(model, 0.1), constant(model, True, "bool")
    insert(model, "layer_norm", ("Dropout", [ratio, training], {}))


def _fatter(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    fast = ["pack", str(release / "onnx"), "-o", str(release.packed), "--level", "fast", "--force"]
    old = ("--baseline", str(release / "report"))
    return [fast, *release.judge_all(*old, "--limits", "size.artifact <= 1.01 x baseline")]


def _revived(folder: Path) -> Sequence[Command]:
    """Make one pruned weight nonzero in the checkpoint and in its export."""

    def revive(array: Any) -> Any:
        array[tuple(one[0] for one in (array == 0).nonzero())] = 0.01
        return array

    release = copy_of("lenet", folder)
    path = release / "final/weights.safetensors"
    state = load_file(path)
    path.unlink()
    state["fc1.weight"] = torch.from_numpy(revive(state["fc1.weight"].numpy().copy()))
    save_file(state, path)
    edit_file(release.model, lambda model: change(model, "fc1.weight", revive))
    release.pack()
    limit = ("--limits", "sparsity.layer.* >= baseline")
    return [release.verify(), release.gate("--baseline", str(release / "report"), *limit)]


def _not_timed(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    replace_metrics(
        release / "report/report.json",
        metrics_to_json({"latency.batch_1.ratio": Metric(math.nan, "×")}),
    )
    return [release.judge("--limits", "latency.batch_1.ratio <= 5")]


FAULTS = (
    Fault(
        "a pruned weight revived before the export",
        "model",
        _revived,
        1,
        r"sparsity\.layer\.fc1 >= baseline, measured",
    ),
    Fault(
        "an artifact larger than the last one",
        "artifact",
        _fatter,
        1,
        r"size\.artifact <= 1\.01 x baseline, measured [\d,]+ bytes, the threshold is",
    ),
    Fault(
        "a newer opset than the runtime knows",
        "export",
        partial(_held_to, ("--limits", "graph.opset <= 17")),
        1,
        r"graph\.opset <= 17, measured \d+",
    ),
    Fault(
        "an operator of a custom domain",
        "export",
        partial(_measured, _custom_domain, ()),
        1,
        r"graph\.refused_domains <= 0, measured 1 domains \(com\.microsoft\)",
    ),
    Fault(
        "Dropout left in training mode",
        "export",
        partial(_measured, _dropout, [word for one in HEADS for word in ("--operators", one)]),
        1,
        r"graph\.refused_operators <= 0, measured 1 operators \(Dropout\)",
    ),
    Fault(
        "a limit on a latency that was not measured",
        "report",
        partial(_held_to, ("--limits", "latency.batch_32.ratio <= 1.1")),
        2,
        r"latency\.batch_32\.ratio <= 1\.1` is on a metric that was not measured",
    ),
    Fault(
        "a limit with a slip of the pen",
        "report",
        partial(_held_to, ("--limits", "size.ratoi >= 1")),
        2,
        r"Did you mean `size\.ratio`",
    ),
    Fault(
        "a limit that is NaN",
        "report",
        partial(_held_to, ("--limits", "size.ratio >= nan")),
        2,
        r"`size\.ratio >= nan` is not a limit",
    ),
    Fault(
        "a glob that matches nothing",
        "report",
        partial(_held_to, ("--limits", "sparsity.layers.* >= 10")),
        2,
        r"sparsity\.layers\.\* >= 10` matches no metric",
    ),
    Fault(
        "a latency that is NaN", "runtime", _not_timed, 1, r"latency\.batch_1\.ratio <= 5, .*nan"
    ),
    Fault(
        "every check left out",
        "report",
        partial(_held_to, ("--skip", "*")),
        5,
        "nothing was checked",
    ),
)
