"""The four forms of one model, run side by side: dense torch, pruned torch, ONNX, artifact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.stages.comparison.comparison import Comparison
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.models.running import run_module
from prunepack.stages.runtime.sessions import (
    Provider,
    artifact_session,
    count_mismatches,
    onnx_session,
    providers_for,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from prunepack.stages.comparison.tolerances import Tolerance
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, PackedArtifact

__all__ = ["Programs", "steadiness", "training_layers"]


@dataclass(frozen=True, slots=True)
class Programs:
    """What is compared.

    Attributes:
        spec: The model's description.
        outputs: The names of its outputs, in the order of torch's.
        dense: The model before pruning.
        final: The finalized model, which the ONNX is of.
        providers: The execution providers that the sessions should have.
        onnx: A session on the exported file.
        artifact: A session on the packed one.
    """

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
        provider: Provider,
        dense: Checkpoint,
        final: Checkpoint,
        onnx: OnnxModel,
        artifact: PackedArtifact,
    ) -> Programs:
        """Open all four.

        Raises:
            UsageError: If the provider cannot be had.
            RefusedError: If one cannot be opened.
        """
        final_module, spec = open_model(final)
        providers = providers_for(provider, onnx.model)
        return cls(
            spec=spec,
            outputs=tuple(onnx.interface["outputs"]),
            dense=open_model(dense)[0],
            final=final_module,
            providers=tuple(providers),
            onnx=onnx_session(onnx.model, providers),
            artifact=artifact_session(artifact.file, providers),
        )

    def torch(self, inputs: Arrays) -> Arrays:
        """Return the outputs of the finalized model."""
        return run_module(self.final, inputs, self.outputs)

    def sessions(self, inputs: Arrays) -> tuple[Arrays, Arrays]:
        """Return the outputs of ONNX and of the artifact."""
        return run(self.onnx, inputs), run(self.artifact, inputs)

    def provider_metrics(self) -> Metrics:
        """Say which execution provider was wanted and which each session got."""
        wrong, note = count_mismatches(self.providers, self.onnx, self.artifact)
        return {"runtime.provider_mismatches": Metric(wrong, "sessions", note=note)}


def training_layers(*modules: nn.Module) -> Metrics:
    """Count the layers that behave as in training, whatever ``eval()`` was told."""
    names = [name or "the model" for one in modules for name, part in _training(one)]
    return {"torch.training_layers": Metric(len(names), "layers", note=", ".join(names[:5]))}


def _training(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    yield from ((name, part) for name, part in module.named_modules() if part.training)


def steadiness(programs: Programs, inputs: Arrays, rules: Sequence[Tolerance]) -> Metrics:
    """Count what changes when torch runs again, or when a sample has no others beside it.

    Dropout that is still on changes every run; BatchNorm that still takes its statistics from the
    batch gives a sample another answer in other company. Outputs whose first axis is not the
    batch are compared between equal batches only.

    Args:
        programs: The programs; of these the finalized torch model.
        inputs: A batch of two samples or more.
        rules: How far outputs may be apart; none is stricter here than the usual, since the order
            of additions changes with the size of the batch.
    """
    count = len(next(iter(inputs.values())))
    again, alone = (Comparison(name, rules=rules, lenient=True) for name in ("again", "alone"))
    whole = programs.torch(inputs)
    again.add(whole, programs.torch(inputs), count, "run again")
    single = programs.torch({name: array[:1] for name, array in inputs.items()})
    first = {name: array[:1] for name, array in whole.items() if array.shape[:1] == (count,)}
    alone.add(first, {name: single[name] for name in first if name in single}, 1, "run alone")
    unsteady = [
        one for link in (again, alone) for one in link.outputs.values() if one.beyond_tolerance
    ]
    count = sum(one.beyond_tolerance for one in unsteady)
    note = "; ".join(one.worst_element for one in unsteady[:3])
    return {"torch.unsteady_values": Metric(count, "values", note=note)}
