"""Probe: a model that is pruned by rules, without training, and evaluated on samples."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.pipeline.sensitivity.reference import Reference, SampleConfig
from prunepack.pipeline.sensitivity.sharing import share
from prunepack.stages.calibration.measurement import list_needs, measure_for_methods
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint, ProbeResult
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.finalize import remove_masks
from prunepack.stages.metrics.metric import Metric, metrics_to_json, write_json
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.prune import PruneConfig, apply_rules
from prunepack.stages.pruning.targets import count_weights

if TYPE_CHECKING:
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["ProbeConfig", "probe"]

TOOLS = ("torch", "safetensors", "numpy", "scipy", "pcodec", "zstandard")
BATCH = 2
"""Random samples that find channel groups."""


class ProbeConfig(Config):
    """Rules, and the samples that judge the model that they prune.

    Attributes:
        prune: The rules; all rounds at once.
        judge: The samples and the metric.
        weigh: Whether the pruned weights are packed, which gives their size.
    """

    prune: PruneConfig
    judge: SampleConfig
    weigh: bool = False


@stage(produces=ProbeResult, tools=TOOLS)
def probe(config: ProbeConfig, out: Path, model: Checkpoint | MaskedCheckpoint) -> Facts:
    """Prune ``model`` by the rules, compare its metric with that of ``model``, and count zeros."""
    module, spec = open_model(model)
    reference = share(
        f"{model.digest} {config.judge.model_dump_json()}",
        lambda: Reference.measure(config.judge, module, spec),
    )
    _prune(config.prune, module, spec, model.digest)
    metrics, error = reference.evaluate(config.judge, module)
    pruned, _, prunable = count_weights(module)
    result = {
        "samples": reference.source.name,
        "zeros": pruned,
        "weights": prunable,
        "bytes": _weigh(module, spec) if config.weigh else None,
        "metrics": metrics_to_json(metrics | {"error": Metric(error)}),
    }
    write_json(out / "probe.json", result)
    drop = next(metric for name, metric in metrics.items() if name.endswith(".drop"))
    return {"summary": f"{100 * pruned / prunable:.1f} % pruned, drop {drop.value:.4g}"}


def _prune(config: PruneConfig, module: nn.Module, spec: ModelSpec, digest: str) -> None:
    """Put the masks of all rounds on ``module``; remarks on single layers are not of interest."""
    methods = [rule.method for rule in config.all_rules]
    statistics = share(
        f"{digest} {sorted(list_needs(methods))}",
        lambda: measure_for_methods(methods, module, spec),
    )
    one_shot = config.model_copy(update={"schedule": "one_shot", "steps": 1, "step": 1})
    with collect_remarks():
        apply_rules(one_shot, module, statistics, random_inputs(spec.inputs, BATCH, config.seed))


def _weigh(module: nn.Module, spec: ModelSpec) -> int:
    """Return the bytes of the packed weights, masks applied."""
    from prunepack.packing import pack

    remove_masks(module)
    with TemporaryDirectory() as name, collect_remarks():
        folder = Path(name)
        save_checkpoint(folder, module, spec)
        return pack(folder / "weights.safetensors", folder / "packed").artifact_bytes
