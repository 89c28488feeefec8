"""Reference: outputs of the dense model on samples, with which pruned models are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from prunepack.errors import UsageError
from prunepack.pipeline.sensitivity.output_error import OutputError
from prunepack.pipeline.sensitivity.sources import choose_source
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, InputData
from prunepack.stages.data.distinct import SampleDigests
from prunepack.stages.data.input_values import limit_batch, move_batch_axis
from prunepack.stages.evaluation.evaluation import Evaluation, choose_answer
from prunepack.stages.exporting.outputs import choose_outputs
from prunepack.stages.exporting.settings import ExportConfig
from prunepack.stages.inputs.batches import sample_batches
from prunepack.stages.models.memory import limit_samples
from prunepack.stages.models.running import compute_result, run_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from prunepack.stages.comparison.forms import FormOutputs
    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.data.samples import Samples
    from prunepack.stages.data.user_samples import SampleSource
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.metrics.metric import Metrics

__all__ = ["Reference", "SampleConfig"]


class SampleConfig(Config):
    """Samples and a metric.

    Attributes:
        samples: The most samples; 0 for all.
        split: The split of the dataset, or ``auto``.
        inputs: The user's samples, as of ``verify.inputs``.
        metric: As of ``verify.metric``.
        arguments: Keyword arguments of the user's metric.
        answer: The output that is judged.
        batch_size: The most samples per run.
        seed: Seed of the resampling.
        export: The outputs and their names.
    """

    samples: int
    split: Literal["auto", "validation", "train", "test"] = "auto"
    inputs: InputData = ""
    metric: CodeName = ""
    arguments: dict[str, Any] = Field({})
    answer: str = ""
    batch_size: int = 500
    seed: int = 0
    export: ExportConfig = ExportConfig()


@dataclass(frozen=True, slots=True)
class Reference:
    """The dense model on samples.

    Attributes:
        source: The samples.
        spec: The model specification.
        size: The most samples of one run.
        names: The names of the outputs.
        paths: The path of each output in the result of the model.
        outputs: The outputs of the dense model, one entry per batch.
        fresh: Whether each sample of a batch is the first of its kind; one entry per batch.
    """

    source: SampleSource
    spec: ModelSpec
    size: int
    names: tuple[str, ...]
    paths: tuple[str, ...]
    outputs: tuple[Arrays, ...] = ()
    fresh: tuple[Array | None, ...] = ()

    @classmethod
    def measure(cls, config: SampleConfig, module: nn.Module, spec: ModelSpec) -> Reference:
        """Run the dense model on the samples.

        Raises:
            UsageError: If there are no samples, or the metric needs labels and there are none.
            RefusedError: If the model cannot run on the samples.
        """
        source = choose_source(config.split, config.inputs, config.metric, spec, config.samples)
        (first,) = sample_batches((source,), 1, 1, spec.inputs)
        chosen = choose_outputs(compute_result(module, first.arrays), config.export.outputs)
        names = config.export.output_names or tuple(chosen)
        most = limit_batch(spec.inputs, config.batch_size)
        size = limit_samples(module, first.arrays, 1, most)
        empty = cls(
            replace(source, digests=SampleDigests()), spec, size, names, (*chosen.values(),)
        )
        batches = sample_batches((empty.source,), size, config.samples, spec.inputs)
        found = [(empty.run(module, batch), batch.fresh) for batch in batches]
        outputs, fresh = zip(*found, strict=True)
        return replace(empty, outputs=outputs, fresh=fresh)

    def run(self, module: nn.Module, batch: InputBatch | Samples) -> Arrays:
        """Return the outputs of a module by name."""
        return run_module(module, batch.arrays, self.names, self.paths)

    def evaluate(self, config: SampleConfig, module: nn.Module) -> tuple[Metrics, float]:
        """Return the metrics of a pruned module beside those of the dense one, and its error.

        The error is that of the judged output, squared, relative to the variance of the dense one.

        Raises:
            UsageError: If the samples have no labels and the metric needs them.
        """
        answer = choose_answer(self.names, config.answer)
        evaluation = Evaluation(
            ("dense", "pruned"),
            self.names,
            config.metric,
            config.seed,
            config.answer,
            config.arguments,
        )
        error = OutputError()
        for batch, dense, fresh in self._read(config.samples):
            outputs: FormOutputs = {"dense": dense, "pruned": self.run(module, batch)}
            evaluation.add(outputs, batch.labels, batch.source, fresh)
            error.add(*(each.get(answer) for each in outputs.values()))
        metrics = evaluation.metrics()
        if not any(name.endswith(".drop") for name in metrics):
            raise UsageError(
                "the recipe has no metric to measure sensitivity by",
                expected="labels, or answers that can be compared with those of the dense model",
                found=f"neither in {self.source.name}",
                hint="Set verify.metric, or give labels in load.dataset",
            )
        return metrics, error.value

    def _read(self, samples: int) -> Iterator[tuple[Samples, Arrays, Array | None]]:
        """Yield each batch with the outputs of the dense model."""
        batches = self.source.batches(self.size, samples)
        moved = (
            replace(batch, arrays=move_batch_axis(self.spec.inputs, batch.arrays))
            for batch in batches
        )
        yield from zip(moved, self.outputs, self.fresh, strict=True)
