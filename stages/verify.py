"""Verify the chain torch ↔ ONNX ↔ artifact on every output, and accuracy on real data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from prunepack.errors import RefusedError
from stages.artifacts import Checkpoint, OnnxModel, Package, Parity, digests_of
from stages.checkpoints import ModelSpec, open_model
from stages.contract import Config, Facts, stage
from stages.datasets import Data, open_data
from stages.metrics import Metric, Metrics, metrics_to_json, write_json
from stages.parity import Comparison
from stages.progress import track
from stages.samples import noise, real
from stages.sessions import (
    Provider,
    artifact_session,
    mismatches,
    onnx_session,
    providers_for,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    from torch import nn

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["VerifyConfig", "verify"]


class VerifyConfig(Config):
    """On what the models are compared."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA where it works, else the CPU."
    )
    samples: int = Field(
        0, ge=0, description="Test samples to judge accuracy and parity on; 0 means all."
    )
    random_samples: int = Field(64, ge=2, description="Seeded random inputs compared as well.")
    batch_size: int = Field(500, gt=0, description="Samples per run.")
    seed: int = Field(0, ge=0, description="Seed of the random inputs.")


@stage(produces=Parity, tools=("torch", "onnxruntime", "numpy"))
def verify(
    config: VerifyConfig,
    out: Path,
    dense: Checkpoint,
    final: Checkpoint,
    onnx: OnnxModel,
    package: Package,
) -> Facts:
    """Measure how far the finalized model, its ONNX and its artifact are apart; judge nothing."""
    programs = _Programs.open(config, dense, final, onnx, package)
    links = (Comparison("torch_onnx"), Comparison("session", exact=True))
    metrics: Metrics = _weights_link(onnx, package)
    for inputs, count in _random_batches(programs.spec, config):
        programs.compare(inputs, count, links)
    if programs.spec.dataset:
        metrics |= _on_real_data(config, programs, links)
    for link in links:
        metrics |= link.metrics()
    metrics |= _sparsity(programs.final) | programs.provider_metrics()
    digests = digests_of(onnx, package)
    write_json(out / "parity.json", {"digests": digests, "metrics": metrics_to_json(metrics)})
    return _facts(metrics)


@dataclass(frozen=True, slots=True)
class _Programs:
    """The four programs that are compared."""

    spec: ModelSpec
    outputs: tuple[str, ...]
    dense: nn.Module
    final: nn.Module
    providers: tuple[str, ...]
    onnx: Any
    artifact: Any

    @classmethod
    def open(
        cls,
        config: VerifyConfig,
        dense: Checkpoint,
        final: Checkpoint,
        onnx: OnnxModel,
        package: Package,
    ) -> _Programs:
        final_module, spec = open_model(final)
        providers = providers_for(config.provider, onnx.model)
        return cls(
            spec=spec,
            outputs=tuple(onnx.interface["outputs"]),
            dense=open_model(dense)[0],
            final=final_module,
            providers=tuple(providers),
            onnx=onnx_session(onnx.model, providers),
            artifact=artifact_session(package.file, providers),
        )

    def torch_run(self, module: nn.Module, inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return the outputs of ``module`` by the names that the ONNX model gives them."""
        import torch
        from torch.utils._pytree import tree_leaves

        with torch.inference_mode():
            result = module(*(torch.from_numpy(array) for array in inputs.values()))
        leaves = [leaf.numpy() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        names = [*self.outputs, *(f"torch_{i}" for i in range(len(self.outputs), len(leaves)))]
        return dict(zip(names, leaves, strict=False))

    def compare(
        self, inputs: Arrays, count: int, links: tuple[Comparison, Comparison]
    ) -> tuple[Arrays, Arrays, Arrays]:
        """Add one batch to both links; returns the outputs of torch, ONNX and artifact."""
        torch_out = self.torch_run(self.final, inputs)
        onnx_out, artifact_out = run(self.onnx, inputs), run(self.artifact, inputs)
        links[0].add(torch_out, onnx_out, count)
        links[1].add(onnx_out, artifact_out, count)
        return torch_out, onnx_out, artifact_out

    def provider_metrics(self) -> Metrics:
        """Say which execution provider was wanted and which each session got."""
        wrong, note = mismatches(self.providers, self.onnx, self.artifact)
        return {"runtime.provider_mismatches": Metric(wrong, "sessions", note=note)}


def _weights_link(onnx: OnnxModel, package: Package) -> Metrics:
    """Compare the exported files with those that come out of the artifact, byte for byte."""
    from prunepack.reader import Artifact

    differing = 0
    with Artifact.open(package.file) as artifact:
        packed = set(artifact.files)
        exported = {file.name for file in onnx.path.glob("model.onnx*")}
        for name in sorted(packed & exported):
            differing += _differing_bytes(artifact.read_file(name), onnx.path / name)
    unmatched = packed ^ exported
    return {
        "parity.weights.unmatched_files": Metric(
            len(unmatched), "files", note=", ".join(sorted(unmatched))
        ),
        "parity.weights.differing_bytes": Metric(differing, "bytes"),
    }


def _differing_bytes(packed: bytes, file: Path) -> int:
    a, b = np.frombuffer(packed, np.uint8), np.fromfile(file, np.uint8)
    shared = min(a.size, b.size)
    return int((a[:shared] != b[:shared]).sum()) + abs(a.size - b.size)


def _random_batches(spec: ModelSpec, config: VerifyConfig) -> Iterator[tuple[Arrays, int]]:
    """Yield seeded noise at two batch sizes: one sample, then the others."""
    arrays = noise(spec.inputs, config.random_samples, config.seed)
    yield {name: array[:1] for name, array in arrays.items()}, 1
    yield {name: array[1:] for name, array in arrays.items()}, config.random_samples - 1


def _on_real_data(
    config: VerifyConfig, programs: _Programs, links: tuple[Comparison, Comparison]
) -> Metrics:
    """Compare on the test split and count right answers of all four programs."""
    data = _test_split(open_data(programs.spec.dataset), programs.spec)
    total = min(config.samples or len(data.test), len(data.test))
    right = dict.fromkeys(("dense", "pruned", "onnx", "artifact"), 0)
    agreed = 0
    starts = range(0, total, config.batch_size)
    for at in track(starts, "verifying on test samples", len(starts)):
        end = min(at + config.batch_size, total)
        inputs, labels = real(programs.spec.inputs, data.test.inputs[at:end]), data.test.labels
        outputs = programs.compare(inputs, end - at, links)
        dense = programs.torch_run(programs.dense, inputs)
        answers = [_answers(one, programs.outputs[0], end - at) for one in (dense, *outputs)]
        for name, answer in zip(right, answers, strict=True):
            right[name] += int((answer == labels[at:end]).sum())
        agreed += int((answers[1] == answers[2]).sum())
    return _accuracy(right, agreed, total)


def _test_split(data: Data, spec: ModelSpec) -> Data:
    """Refuse what accuracy cannot be counted on."""
    if not len(data.test):
        raise RefusedError(f"the dataset {spec.dataset} has no test samples", expected="some")
    if len(spec.inputs) != 1:
        raise RefusedError(
            "accuracy is counted on models with one input", found=f"{len(spec.inputs)} inputs"
        )
    return data


def _answers(outputs: Arrays, name: str, count: int) -> npt.NDArray[np.int64]:
    """Return the class with the highest output for each sample; -1, which is none, without it.

    Raises:
        RefusedError: If the output is not one number per sample and class.
    """
    if name not in outputs:
        return np.full(count, -1)
    if outputs[name].ndim != 2:
        raise RefusedError(
            "accuracy cannot be counted on this model",
            expected=f"its first output, {name!r}, as (n, classes)",
            found=str(outputs[name].shape),
            do="Leave load.dataset out: parity is judged on random inputs then.",
        )
    answers: npt.NDArray[np.int64] = outputs[name].argmax(1)
    return answers


def _accuracy(right: Mapping[str, int], agreed: int, total: int) -> Metrics:
    note = f"{total:,} test samples"
    percent = {name: 100 * count / total for name, count in right.items()}
    metrics = {f"accuracy.{name}": Metric(v, "%", note=note) for name, v in percent.items()}
    worst = min(percent["pruned"], percent["onnx"], percent["artifact"])
    metrics["accuracy.drop"] = Metric(percent["dense"] - worst, "points", note=note)
    metrics["accuracy.samples"] = Metric(total, "samples")
    metrics["agreement.torch_onnx"] = Metric(100 * agreed / total, "%", note="same argmax")
    return metrics


def _sparsity(final: nn.Module) -> Metrics:
    """Count zeros among weights of two or more dimensions, the ones that pruning is for."""
    weights = [parameter for parameter in final.parameters() if parameter.ndim >= 2]
    total = sum(parameter.numel() for parameter in weights)
    zeros = total - sum(int(parameter.count_nonzero()) for parameter in weights)
    share = 100 * zeros / total if total else 0.0
    return {"sparsity.weights": Metric(share, "%", note=f"{zeros:,} of {total:,} are zero")}


def _facts(metrics: Metrics) -> Facts:
    worst = metrics["parity.torch_onnx.tolerance"].value
    summary = f"torch ↔ ONNX within {worst:.1e}"
    if "accuracy.artifact" in metrics:
        dense, packed = metrics["accuracy.dense"].value, metrics["accuracy.artifact"].value
        summary += f", accuracy {dense:.2f} → {packed:.2f} %"
    return {"summary": summary}
