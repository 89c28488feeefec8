"""Tolerances from run-to-run errors of torch and of onnxruntime."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.comparison.error import compute_tolerance
from prunepack.stages.comparison.precision import PreciseForm
from prunepack.stages.contract.progress import note
from prunepack.stages.data.input_values import slice_samples
from prunepack.stages.runtime.session_options import OPTIMIZATIONS
from prunepack.stages.runtime.sessions import open_onnx_session, run_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prunepack.stages.comparison.forms import Form, FormOutputs, ModelForms
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.inputs.batches import InputBatch

__all__ = ["FACTOR", "Calibration", "RunError", "format_tolerances"]

FACTOR = 10
"""A tolerance divided by the run-to-run error, because other machines add in another order."""

MAX_SINGLE = 16
"""The number of samples of a batch that also run one by one."""


@dataclass(frozen=True, slots=True)
class RunError:
    """The largest run-to-run error of an output.

    Attributes:
        tolerance: The smallest tolerance that every run passes.
        cause: The difference between the runs, such as ``threads``.
        dtype: The output's dtype.
    """

    tolerance: float
    cause: str
    dtype: str


class Calibration:
    """Run-to-run errors by output, and the tolerances that follow from them.

    torch is compared with torch and onnxruntime with onnxruntime, never one with the other, so
    that an error of the export cannot excuse itself.

    Args:
        forms: The forms. The pruned torch model, where it is open, and the ONNX file run again.
    """

    def __init__(self, forms: ModelForms) -> None:
        self._forms = forms
        self._precise = PreciseForm(forms)
        self._graph: Form = "dense" if "dense" in forms.sessions else "onnx"
        self._sessions = {
            level: open_onnx_session(forms.graph, forms.providers, optimization=level)
            for level in OPTIMIZATIONS
        }
        self._sessions["threads"] = open_onnx_session(forms.graph, forms.providers, threads=2)
        self._errors: dict[str, RunError] = {}

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Run again on a batch, and compare with the outputs of its first run."""
        note("measuring run-to-run errors")
        if "pruned" in outputs:
            for cause, actual in self._run_torch(batch.arrays):
                self._compare(outputs["pruned"], actual, cause)
            self._compare_single(batch, outputs, "pruned")
        for cause, session in self._sessions.items():
            again = run_session(session, batch.arrays, self._forms.batch_axes)
            self._compare(outputs[self._graph], again, cause)
        self._compare_single(batch, outputs, self._graph)

    def format_tolerances(self) -> str:
        """Return the ``[[verify.tolerances]]`` of a recipe for each output."""
        return format_tolerances(self._errors)

    def _run_torch(self, inputs: Arrays) -> Iterator[tuple[str, Arrays]]:
        """Yield the outputs of torch for equivalent runs."""
        yield "repetition", self._forms.run_form("pruned", inputs)
        with _set_threads(2):
            yield "threads", self._forms.run_form("pruned", inputs)
        outputs = self._precise.run(inputs)
        if outputs is None:
            note(f"no run-to-run error against float64: {self._precise.problem}")
        else:
            yield "float64", outputs

    def _compare_single(self, batch: InputBatch, outputs: FormOutputs, form: Form) -> None:
        """Compare samples of a batch with the same samples in batches of one."""
        count = min(batch.count, MAX_SINGLE)
        singles = [
            slice_samples(self._forms.spec.inputs, batch.arrays, index, index + 1)
            for index in range(count)
        ]
        actual = _run_one_by_one(partial(self._forms.run_form, form), singles)
        batched = {
            name: array[:count]
            for name, array in outputs[form].items()
            if self._forms.has_batch_first(name, array, batch.count)
        }
        self._compare(batched, actual, "batch")

    def _compare(self, expected: Arrays, actual: Arrays, cause: str) -> None:
        for name in expected.keys() & actual.keys():
            if expected[name].shape != actual[name].shape:
                continue
            tolerance, _ = compute_tolerance(actual[name], expected[name])
            largest = self._errors[name].tolerance if name in self._errors else -1.0
            if math.isnan(tolerance) or tolerance > largest:
                self._errors[name] = RunError(tolerance, cause, str(expected[name].dtype))


@contextmanager
def _set_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run_one_by_one(run_batch: Callable[[Arrays], Arrays], singles: Sequence[Arrays]) -> Arrays:
    """Return the outputs of samples, each in a batch of its own.

    Outputs without a batch axis are left out.
    """
    outputs = [run_batch(single) for single in singles]
    return {
        name: np.concatenate([single[name] for single in outputs])
        for name, array in outputs[0].items()
        if array.shape[:1] == (1,)
    }


def format_tolerances(errors: Mapping[str, RunError]) -> str:
    """Return run-to-run errors as TOML: a tolerance for each output, with its origin."""
    lines = [f"# {FACTOR} × the largest run-to-run error of each output."]
    for name, error in sorted(errors.items()):
        lines += _format_tolerance(name, error)
    return "\n".join(lines) + "\n"


def _format_tolerance(name: str, error: RunError) -> list[str]:
    """Return the lines for one output; none for one that is exact and not of floats."""
    if not math.isfinite(error.tolerance):
        return [f"# {name}: no tolerance holds, it is NaN or infinite ({error.cause})"]
    if error.tolerance == 0 and not error.dtype.startswith("float"):
        return []
    value = _round_up(max(FACTOR * error.tolerance, _least_tolerance(error.dtype)))
    origin = f"{error.dtype}, run-to-run error {error.tolerance:.1e} ({error.cause})"
    return [
        "[[verify.tolerances]]",
        f"outputs = {json.dumps(_escape_glob(name))}  # {origin}",
        f"atol = {value:g}",
        f"rtol = {value:g}",
    ]


def _least_tolerance(dtype: str) -> float:
    """Return four units in the last place, since no two implementations guarantee less."""
    return 4 * float(np.finfo(dtype).eps) if dtype.startswith("float") else 0.0


def _round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5, 10, … that is not below ``value``."""
    power = math.floor(math.log10(value))
    digits = next(step for step in (1, 2, 5, 10) if value <= step * 10.0**power * (1 + 1e-12))
    return float(f"{digits}e{power}")


def _escape_glob(name: str) -> str:
    """Return a glob that matches only ``name``."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
