"""The two links of the chain that outputs show: torch to ONNX, and ONNX to the artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.comparison.comparison import Comparison
from prunepack.stages.comparison.forms import steadiness
from prunepack.stages.comparison.index_bounds import index_sizes
from prunepack.stages.comparison.stress_inputs import (
    in_units,
    open_axes,
    random_cases,
    trials,
    units_of,
)
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from prunepack.stages.comparison.forms import Programs
    from prunepack.stages.comparison.stress_inputs import Axis, Case, Trial
    from prunepack.stages.comparison.tolerances import Tolerance

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["Links"]


class Links:
    """Runs the programs on the same inputs and keeps count of how far they are apart.

    Args:
        programs: What is compared.
        rules: How far torch and ONNX may be apart, by output.
    """

    def __init__(self, programs: Programs, rules: Sequence[Tolerance]) -> None:
        self.programs, self.rules = programs, rules
        self.onnx = Comparison("torch_onnx", rules=rules)
        self.session = Comparison("session", exact=True)

    def compare(
        self, inputs: Arrays, count: int, what: str, first: int = 0
    ) -> tuple[Arrays, Arrays, Arrays]:
        """Compare on one batch; returns the outputs of torch, ONNX and artifact."""
        expected = self.programs.torch(inputs)
        found, packed = self.programs.sessions(inputs)
        self.onnx.add(expected, found, count, what, first)
        self.session.add(found, packed, count, what, first)
        return expected, found, packed

    def compare_made_up(self, samples: int, seed: int) -> Metrics:
        """Compare on random inputs, zeros, large values and every open axis at another size.

        Returns:
            What was tried: ``parity.inputs.*`` and ``torch.unsteady_values``.
        """
        programs, inputs = self.programs, self.programs.spec.inputs
        sizes = index_sizes(programs.final, inputs, seed)
        cases = list(random_cases(inputs, samples, seed, sizes))
        first = 0
        for case in cases:
            self.compare(case.arrays, case.count, "random", first)
            first += case.count
        axes = open_axes(programs.onnx, inputs)
        tried = [(trial, self._try(trial)) for trial in trials(inputs, axes, seed, sizes)]
        steady = steadiness(programs, cases[1].arrays, self.rules)
        return _told(samples, axes, tried) | steady

    def _try(self, trial: Trial) -> Case | None:
        """Compare on the first case that the torch model gives numbers for; None without one.

        What torch itself cannot take, or answers with NaN or infinities, says nothing about ONNX.
        """
        for case in trial.cases:
            try:
                expected = self.programs.torch(case.arrays)
            except RefusedError:
                continue
            if all(np.isfinite(one).all() for one in expected.values() if one.dtype.kind == "f"):
                self._compare_trial(case, expected)
                return case
        return None

    def _compare_trial(self, case: Case, expected: Arrays) -> None:
        try:
            found, packed = self.programs.sessions(case.arrays)
        except RefusedError as error:  # torch can, ONNX cannot: they are not the same model
            self.onnx.fail(case.name, str(error))
            return
        units = units_of(expected, case.scale)
        a, b = in_units(expected, units), in_units(found, units)
        self.onnx.add(a, b, case.count, case.name, 0)
        self.session.add(found, packed, case.count, case.name, 0)

    def metrics(self) -> Metrics:
        """Return the figures of both links."""
        return self.onnx.metrics() | self.session.metrics()


def _told(
    samples: int, axes: Sequence[Axis], tried: Sequence[tuple[Trial, Case | None]]
) -> Metrics:
    """Say what was compared of what was tried."""
    done = [case.name for _, case in tried if case is not None]
    skipped = [trial.what for trial, case in tried if case is None]
    missed = [trial.what for trial, case in tried if case is None and trial.axis]
    note = f"also {', '.join(done) or 'nothing'}"
    note += f"; not {', '.join(skipped)}, which torch cannot take" if skipped else ""
    names = ", ".join(axis.name for axis in axes)
    return {
        "parity.inputs.random_samples": Metric(samples, "samples", note=note),
        "parity.inputs.open_axes": Metric(len(axes), "axes", note=names),
        "parity.inputs.axes_at_one_size": Metric(len(missed), "axes", note=", ".join(missed)),
    }
