"""Verification of ONNX files and artifacts against live modules or other files."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prunepack.arguments import PATH, check_arguments
from prunepack.errors import UsageError
from prunepack.scripting.live import log_remarks
from prunepack.training.settings import read_settings, require_build, unwrap_module

if TYPE_CHECKING:
    from torch import nn

    from prunepack.scripting.live_models import Inputs
    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.report import Report

__all__ = ["Verification", "verify"]

MEASURED = ("runtime.nodes_elsewhere", "latency.*", "graph.refused_*")
"""Built-in checks on metrics of ``measure``, which does not run here."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of :func:`verify`.

    Attributes:
        passed: Whether every built-in check passed.
        summary: The verdict in one line.
        reasons: The limit and the measured value of each check that did not pass.
        metrics: Each metric by name, with ``value``, ``unit``, ``low``, ``high`` and ``note``.
    """

    passed: bool
    summary: str
    reasons: tuple[str, ...]
    metrics: dict[str, Metric]

    def __repr__(self) -> str:
        lines = [f"<prunepack.Verification: {self.summary}>", *self.reasons]
        return "\n  ".join(lines)


@check_arguments(path=PATH)
def verify(
    model: nn.Module | str | os.PathLike[str],
    path: str | os.PathLike[str],
    inputs: Inputs | None = None,
    **settings: Any,
) -> Verification:
    """Compare a file with the model that it should be, as the stages ``verify`` and ``gate`` do.

    All outputs are compared on the given inputs and on stress inputs (zeros, large values, other
    batch sizes), within tolerances that depend on the element type; the weights and the nodes of a
    file are compared with those of the module.

    Args:
        model: A module without masks, whose copy on the CPU is run; or an ONNX file or an
            artifact.
        path: The ONNX file or the artifact to verify.
        inputs: Samples of the inputs of a module, as in :func:`prunepack.export`.
        **settings: Settings of a ``[verify]`` table: ``tolerances``, ``random_samples``,
            ``batch_sizes``, ``provider``, ``seed``, …; ``same=False`` compares two files that
            differ on purpose, such as a dense and a pruned one, and measures their similarity.

    Returns:
        The verdict and the metrics behind it.

    Raises:
        UsageError: If a path or a setting is wrong, or a module comes without inputs.
        RefusedError: If a model cannot be opened or run.
    """
    with require_build("prunepack.verify cannot be called"):
        from prunepack.stages.gate import GateConfig, judge
        from prunepack.stages.verify import VerifyConfig
        from prunepack.stages.verify import verify as stage
    is_file = isinstance(model, str | os.PathLike)
    settings = {"same": True} | settings if is_file else settings
    config = read_settings(VerifyConfig, settings, "prunepack.verify", "verify")
    with log_remarks(), ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        forms = _open_forms(stack, folder, model, Path(path), inputs)
        stage.body(config, folder, **forms)
        return _conclude(judge(GateConfig(skip=MEASURED), [folder / "parity.json"]))


def _open_forms(
    stack: ExitStack,
    folder: Path,
    model: nn.Module | str | os.PathLike[str],
    path: Path,
    inputs: Inputs | None,
) -> dict[str, Any]:
    """Return the inputs of the stage; temporary files are in ``folder``."""
    from prunepack.pipeline.form_files import name_compared, open_file, open_files, open_graph

    model = model if isinstance(model, str | os.PathLike) else unwrap_module(model)
    for given in (model, path):
        if isinstance(given, str | os.PathLike) and not Path(given).exists():
            raise UsageError(
                f"`{os.fspath(given)}` is not a file", expected="an ONNX file or an artifact"
            )
    if isinstance(model, str | os.PathLike):
        found = name_compared(*open_files([Path(model), path], folder))
        return dict.fromkeys(("dense", "final", "onnx", "artifact")) | found
    if inputs is None:
        raise UsageError(
            "prunepack.verify needs inputs to run the module on",
            expected="samples of the inputs",
            found="none",
            hint="Pass a batch of samples as third argument",
        )
    from prunepack.scripting.live_models import hold_module
    from prunepack.stages.contract.outputs import PackedArtifact

    onnx = open_graph(path, folder / "graph")
    file: Output = open_file(path, folder / "file") if path.suffix == ".prunepack" else onnx
    live = stack.enter_context(hold_module(model, inputs))
    artifact = file if isinstance(file, PackedArtifact) else None
    return {"dense": None, "final": live, "onnx": onnx, "artifact": artifact}


def _conclude(report: Report) -> Verification:
    return Verification(
        report.verdict == "passed",
        report.summary,
        tuple(check.reason for check in report.not_passed),
        report.metrics,
    )
