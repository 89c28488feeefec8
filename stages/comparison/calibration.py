"""Tolerances proposed from measured noise: how far runs are apart that ought to be equal."""

from __future__ import annotations

import copy
import json
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.comparison.error import compute_tolerance
from prunepack.stages.contract.progress import note
from prunepack.stages.models.running import run_module
from prunepack.stages.runtime.sessions import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.comparison.forms import Programs
    from prunepack.stages.contract.arrays import Arrays


__all__ = ["FACTOR", "proposal", "suggest"]

FACTOR = 10
"""By how much a tolerance is above the noise: the next machine's kernels add in another order."""

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED")
"""onnxruntime's levels of optimisation below the usual one, which is all."""

Noise = dict[str, tuple[float, str, str]]
"""Output → (smallest tolerance that passes all, what it took, dtype)."""


def suggest(programs: Programs, model: Path, batches: Iterable[Arrays]) -> str:
    """Return a recipe's ``[[verify.tolerances]]`` for each output of the model.

    torch is compared with torch, and onnxruntime with onnxruntime, never one with the other, so
    that a fault in the export cannot excuse itself.

    Args:
        programs: The programs; of these the finalized torch model and the ONNX session.
        model: The ONNX file.
        batches: Inputs to measure the noise on, each of two samples or more.
    """
    note("measuring the noise between equal runs")
    sessions = dict(_sessions(model, programs.providers))
    noise: Noise = {}
    for inputs in batches:
        usual = programs.torch(inputs)
        for what, found in _torch_runs(programs, inputs):
            _widen(noise, usual, found, what)
        usual = run(programs.onnx, inputs)
        for what, session in sessions.items():
            _widen(noise, usual, run(session, inputs), what)
        _widen(noise, usual, _one_by_one(lambda part: run(programs.onnx, part), inputs), "batch")
    return proposal(noise)


def _torch_runs(programs: Programs, inputs: Arrays) -> Iterator[tuple[str, Arrays]]:
    """Yield what torch makes of ``inputs`` in ways that ought not to matter."""
    yield "repetition", programs.torch(inputs)
    yield "batch", _one_by_one(programs.torch, inputs)
    with _threads(2):
        yield "threads", programs.torch(inputs)
    try:
        wide = copy.deepcopy(programs.final).double()
        yield "float64", run_module(wide, _widened(inputs), programs.outputs)
    except Exception as error:  # noqa: BLE001 -- whatever a user's model says to another dtype
        note(f"no noise against float64: {type(error).__name__}")


def _widened(inputs: Arrays) -> Arrays:
    return {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array
        for name, array in inputs.items()
    }


@contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _one_by_one(program: Any, inputs: Arrays) -> Arrays:
    """Return what ``program`` makes of each sample alone, for outputs with a batch axis."""
    count = len(next(iter(inputs.values())))
    parts = [
        program({name: array[at : at + 1] for name, array in inputs.items()}) for at in range(count)
    ]
    return {
        name: np.concatenate([part[name] for part in parts])
        for name, array in parts[0].items()
        if array.shape[:1] == (1,)
    }


def _sessions(model: Path, providers: Sequence[str]) -> Iterator[tuple[str, Any]]:
    import onnxruntime

    for level in (*LEVELS, "threads"):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 2 if level == "threads" else 1
        if level != "threads":
            options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        yield level, onnxruntime.InferenceSession(str(model), options, providers=list(providers))


def _widen(noise: Noise, usual: Arrays, found: Arrays, what: str) -> None:
    for name in usual.keys() & found.keys():
        if usual[name].shape != found[name].shape:
            continue
        apart, _ = compute_tolerance(found[name], usual[name])
        before = noise.get(name, (-1.0, "", ""))[0]
        if math.isnan(apart) or apart > before:
            noise[name] = (apart, what, str(usual[name].dtype))


def proposal(noise: Mapping[str, tuple[float, str, str]]) -> str:
    """Return ``noise`` as TOML: a tolerance for each output, with where it is from."""
    lines = [f"# {FACTOR} × the largest difference between runs that ought to be equal."]
    for name, (apart, what, dtype) in sorted(noise.items()):
        if not math.isfinite(apart):
            lines.append(f"# {name}: no tolerance holds, it is NaN or infinite ({what})")
            continue
        if apart == 0 and not dtype.startswith("float"):
            continue
        value = _rounded_up(max(FACTOR * apart, _least(dtype)))
        lines += [
            "[[verify.tolerances]]",
            f"outputs = {json.dumps(_escaped(name))}  # {dtype}, noise {apart:.1e} ({what})",
            f"atol = {value:g}",
            f"rtol = {value:g}",
        ]
    return "\n".join(lines) + "\n"


def _least(dtype: str) -> float:
    """Return four units in the last place: no two kernels promise less."""
    return 4 * float(np.finfo(dtype).eps) if dtype.startswith("float") else 0.0


def _rounded_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, … that is not below ``value``."""
    power = math.floor(math.log10(value))
    digits = next(step for step in (1, 2, 5, 10) if value <= step * 10.0**power * (1 + 1e-12))
    return float(f"{digits}e{power}")


def _escaped(name: str) -> str:
    """Return a glob that matches ``name`` alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
