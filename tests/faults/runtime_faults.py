"""Faults of the machine that a release is judged on, and of how it is asked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from prunepack.stages.contract.model_spec import read_spec
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.metrics.metric import metrics_to_json
from prunepack.stages.runtime.placement import count_nodes_by_provider, placement_metrics
from prunepack.stages.runtime.session_options import CPU, CUDA
from prunepack.stages.runtime.sessions import open_onnx_session
from tests.faults.fault import Fault
from tests.faults.lab import copy_of
from tests.faults.report_faults import replace_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]


def _no_device(folder: Path) -> Sequence[Command]:
    """Ask for CUDA where there is none."""
    return [copy_of("lenet", folder).verify("--provider", "cuda")]


def _nothing(folder: Path) -> Sequence[Command]:
    return copy_of("lenet", folder).checks()


@contextmanager
def _device_lost() -> Iterator[None]:
    """Let CUDA be promised, and not be there when a session is opened."""
    with mock.patch("prunepack.stages.comparison.forms.choose_providers", return_value=[CUDA, CPU]):
        yield


def _ran_elsewhere(folder: Path) -> Sequence[Command]:
    """Report a run for CUDA whose nodes were really run by the CPU."""
    release = copy_of("lenet", folder)
    inputs = random_inputs(read_spec(release / "final").inputs, 1, 0)

    def fallen(profile: Path) -> Any:
        return open_onnx_session(release.model, [CUDA, CPU], profile=profile)

    placed = {"pruned": count_nodes_by_provider(fallen, inputs)}
    replace_metrics(
        release / "measured/measurements.json", metrics_to_json(placement_metrics(CUDA, placed))
    )
    sources = [str(release / "parity"), str(release / "measured")]
    return [["gate", *sources]]


FAULTS = (
    Fault("CUDA asked for where there is none", "runtime", _no_device, 2, f"a session on {CUDA}"),
    Fault(
        "a session that falls back to the CPU",
        "runtime",
        _nothing,
        2,
        CUDA,
        during=_device_lost,
    ),
    Fault(
        "nodes that ran on another provider",
        "runtime",
        _ran_elsewhere,
        1,
        rf"runtime\.nodes_elsewhere <= 0, measured \d+ nodes \(wanted {CUDA}",
    ),
)
