"""Speed of models without half of their channels, before and after compaction, in onnxruntime.

``ln_structured`` masks half of the channels of each layer, or half of the units of each channel
group. The sessions of the dense and of the compacted file run in turn in one process on one core.
The networks have random weights, and random statistics in their BatchNorms, whose removed channels
would otherwise all be zero.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.results import write_result
from benchmarks.timing import compare_seconds, pin_to_cores, time_interleaved
from prunepack.stages.compact import CompactConfig, compact
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint, OnnxModel
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_onnx_session

if TYPE_CHECKING:
    from prunepack.stages.contract.stage import Stage

CODE = """
from torch import nn
from transformers import (
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)


def mobilenet_v2():
    return MobileNetV2ForImageClassification(MobileNetV2Config(return_dict=False))


def vit():
    config = ViTConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=6,
                       intermediate_size=1536)
    return ViTForImageClassification(config)
"""

IMAGE = ({"name": "pixel_values", "shape": (3, 224, 224)},)
MODELS: dict[str, dict[str, Any]] = {
    "lenet": {"model": "lenet"},
    "resnet18": {"model": "resnet18"},
    "mobilenet_v2": {"model": "{code}:mobilenet_v2", "inputs": IMAGE},
    "vit_small": {"model": "{code}:vit", "inputs": IMAGE},
}
LARGEST_ERROR = 1e-5
"""Error of an output after compaction, relative to its largest value."""


class Bench:
    """Runs stages, each into a new folder."""

    def __init__(self, root: Path) -> None:
        self._root, self.facts = root, {}  # type: ignore[var-annotated]
        self._count = 0

    def __call__(self, stage: Stage[Any, Any, Any], config: Any, *inputs: Any) -> Path:
        """Run a stage and return its folder."""
        self._count += 1
        out = self._root / str(self._count)
        out.mkdir()
        self.facts = dict(stage.body(config, out, *inputs))
        return out


def load_model(run: Bench, name: str, code: Path) -> Checkpoint:
    """Load a network, and give it statistics like those of a trained one."""
    import torch
    from torch import nn

    entry = MODELS[name] | {"model": MODELS[name]["model"].format(code=code)}
    dense = Checkpoint(run(load, LoadConfig.model_validate(entry)), "")
    module, spec = open_model(dense)
    torch.manual_seed(0)
    with torch.no_grad():
        for layer in module.modules() if name != "lenet" else ():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.get_buffer("running_mean"), 0, 0.1)
                nn.init.uniform_(layer.get_buffer("running_var"), 0.5, 2)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, 0, 0.1)
    save_checkpoint(dense.path, module, spec)
    return dense


def release(run: Bench, dense: Checkpoint, **config: Any) -> tuple[OnnxModel, OnnxModel]:
    """Prune, finalize, export and compact; return the exported file and the compacted one."""
    masked = run(prune, PruneConfig(method="ln_structured", amount=0.5, **config), dense)
    final = run(finalize, FinalizeConfig(samples=1), MaskedCheckpoint(masked, ""))
    exported = OnnxModel(run(export, ExportConfig(), Checkpoint(final, "")), "")
    return exported, OnnxModel(run(compact, CompactConfig(samples=2), exported), "")


def measure(run: Bench, dense: Checkpoint, rounds: int) -> dict[str, Any]:
    """Return size and speed of a network, pruned without groups and with groups."""
    whole = OnnxModel(run(export, ExportConfig(), dense), "")
    files = {"dense": whole}
    rows: dict[str, Any] = {"bytes": whole.size}
    for name, config in (("layers", {"exclude": ("last",)}), ("groups", {"groups": True})):
        exported, files[name] = release(run, dense, **config)
        record = files[name].interface.get("compact", {})
        assert run.facts["error"] <= LARGEST_ERROR, run.facts
        counts = {time: record[time] for time in ("before", "after")}
        rows[name] = {"bytes": files[name].size, "error": run.facts["error"], **counts}
        if name == "layers":
            files["masked"] = exported
    (entry,) = whole.interface["inputs"]
    feed = {entry["name"]: np.random.default_rng(0).random((1, *entry["shape"]), np.float32)}
    sessions = {n: open_onnx_session(file.model, [CPU]) for n, file in files.items()}
    seconds = time_interleaved({n: partial(s.run, None, feed) for n, s in sessions.items()}, rounds)
    for name in ("masked", "layers", "groups"):
        rows.setdefault(name, {})["speed"] = compare_seconds(seconds["dense"], seconds[name])
    return rows


def main() -> None:
    """Measure all networks, or those of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder, pin_to_cores():
        code = Path(folder, "networks.py")
        code.write_text(CODE)
        for name in options.models:
            root = Path(folder, name)
            root.mkdir()
            run = Bench(root)
            rows[name] = measure(run, load_model(run, name, code), options.rounds)
            print(name, {key: row["speed"] for key, row in rows[name].items() if key != "bytes"})
    write_result("compaction", {"host": host_name(), "rounds": options.rounds, "models": rows})


if __name__ == "__main__":
    main()
