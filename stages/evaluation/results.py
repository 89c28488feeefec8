"""The results of a verification: every part that takes the outputs of each batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.comparison.calibration import Calibration
from prunepack.stages.comparison.constancy import Constancy
from prunepack.stages.comparison.pairs import FormComparisons
from prunepack.stages.evaluation.evaluation import Evaluation
from prunepack.stages.inputs.branches import BranchObserver

if TYPE_CHECKING:
    from prunepack.stages.comparison.forms import FormOutputs, ModelForms
    from prunepack.stages.comparison.sparse.kernels import SparseComparison
    from prunepack.stages.evaluation.settings import VerifyConfig
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.metrics.metric import Metrics

__all__ = ["Results"]


@dataclass(frozen=True, slots=True)
class Results:
    """Comparisons, evaluation and calibration, which take the outputs of each batch."""

    comparisons: FormComparisons
    sparse: SparseComparison
    evaluation: Evaluation
    branches: BranchObserver
    calibration: Calibration | None
    constancy: Constancy

    @classmethod
    def start(
        cls,
        config: VerifyConfig,
        forms: ModelForms,
        sparse: SparseComparison,
        *,
        of_samples: bool,
    ) -> Results:
        """Return results without any output yet."""
        same, rules = config.same, config.tolerances
        return cls(
            FormComparisons(forms.names, rules, same=same, of_samples=of_samples),
            sparse,
            Evaluation(
                forms.names,
                forms.outputs,
                config.metric,
                config.seed,
                config.answer,
                config.arguments,
            ),
            BranchObserver(forms.graph, forms.spec.inputs, forms.providers),
            Calibration(forms) if config.suggest else None,
            Constancy(forms.last, _find_group(forms, same=same)),
        )

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Compare the outputs of one batch, and evaluate them if they are of samples."""
        self.comparisons.add(batch, outputs)
        self.sparse.add(batch, outputs)
        self.branches.add(batch.arrays)
        self.constancy.add(batch, outputs)
        if batch.source:
            self.evaluation.add(outputs, batch.labels, batch.source, batch.fresh)
        if batch.calibrates and self.calibration is not None:
            self.calibration.add(batch, outputs)

    def fail(self, batch: InputBatch, reason: str) -> None:
        """Record that a form has no outputs for a batch that the reference can run."""
        self.comparisons.fail(batch, reason)

    def metrics(self) -> Metrics:
        """Return the metrics of all parts."""
        found = (self.evaluation, self.comparisons, self.sparse, self.branches, self.constancy)
        return {name: metric for part in found for name, metric in part.metrics().items()}


def _find_group(forms: ModelForms, *, same: bool) -> str:
    """Return the first part of the names of metrics on a model: of torch, or of two files."""
    if "pruned" in forms.modules:
        return "torch"
    return "parity.files" if same else "similarity"
