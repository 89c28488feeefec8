"""Name the first node at which two programs part, and the torch module behind it."""

from __future__ import annotations

import math
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import Field

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.bisection.inputs import drawn, given
from prunepack.stages.bisection.matching import match
from prunepack.stages.bisection.node_diff import differences
from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.bisection.result import Bisection, Place
from prunepack.stages.bisection.search import Narrowing
from prunepack.stages.bisection.torch_program import TorchProgram
from prunepack.stages.comparison.tolerances import DEFAULTS
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, PackedArtifact, kind_of
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import InputData
from prunepack.stages.models.checkpoints import open_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from prunepack.stages.bisection.matching import Matching
    from prunepack.stages.bisection.program import Program
    from prunepack.stages.bisection.search import Found

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["BisectConfig", "bisect", "open_program"]


class BisectConfig(Config):
    """On what two programs are compared, and how closely."""

    tolerance: float | None = Field(
        None,
        ge=0,
        description="Largest t with |A - B| <= t + t·|A|. If not given: 0 where both are ONNX and "
        "every node has a counterpart, since the same kernels run then; else by dtype.",
    )
    inputs: InputData | None = Field(
        None,
        description="Samples: an .npz, a folder of ONNX test data, or a function of yours; seeded "
        "noise if not given.",
    )
    samples: int = Field(2, gt=0, description="How many samples, where the batch size is open.")
    seed: int = Field(0, ge=0, description="Seed of the noise.")
    dynamic_batch: bool = Field(
        True, description="Trace a checkpoint with an open batch; else for one sample."
    )


@contextmanager
def open_program(path: Path, *, dynamic_batch: bool = True) -> Iterator[Program]:
    """Open a ``.onnx`` or ``.prunepack`` file, or the folder of a checkpoint, export or pack.

    Args:
        path: Where it is.
        dynamic_batch: Whether a checkpoint is traced with an open batch, or for one sample.

    Raises:
        UsageError: If there is nothing.
        RefusedError: If it is of another kind, or damaged.
    """
    if not path.exists():
        raise UsageError(
            f"{path} does not exist",
            expected="an .onnx or .prunepack file, or the folder of a checkpoint or an export",
        )
    kind = kind_of(path, (Checkpoint, OnnxModel, PackedArtifact)) if path.is_dir() else None
    if kind is Checkpoint:
        module, spec = open_model(Checkpoint(path, ""))
        yield TorchProgram(module, spec, str(path), dynamic_batch=dynamic_batch)
    elif kind is PackedArtifact or path.suffix == ".prunepack":
        with TemporaryDirectory() as folder:
            yield OnnxProgram.open(_unpacked(path, Path(folder)), str(path))
    else:
        yield OnnxProgram.open(path / "model.onnx" if kind is OnnxModel else path, str(path))


def _unpacked(artifact: Path, folder: Path) -> Path:
    from prunepack.reading.artifact import Artifact
    from prunepack.unpacking import unpack

    file = PackedArtifact(artifact, "").file
    unpack(file, folder / "files")
    with Artifact.open(file) as opened:
        return folder / "files" / next(iter(opened.files))


def bisect(config: BisectConfig, a: Program, b: Program) -> Bisection:
    """Compare the outputs of ``a`` and ``b``, and find where they part if they do.

    Raises:
        UsageError: If ``config.inputs`` does not fit.
        RefusedError: If the two take different inputs, or ``a`` cannot be run.
    """
    matching = match(a.graph, b.graph)
    inputs = _inputs(config, a, b, matching)
    limit = _limit(config, a, b, matching)
    narrowing = Narrowing(a, b, matching, inputs, limit)
    outputs = narrowing.outputs(matching.outputs)
    complete = len(outputs) == len(a.graph.outputs) == len(b.graph.outputs)
    agree = complete and all(one.amount <= limit(one.dtype) for one in outputs.values())
    found = None if agree else narrowing.search()
    lines = differences(a, b, matching)
    return Bisection(
        a=a.label,
        b=b.label,
        agree=agree,
        outputs={name: _finite(one.amount) for name, one in outputs.items()},
        place=None if found is None else _place(a, b, matching, found, lines),
        differences={a.graph.nodes[i].name: tuple(each) for i, each in lines.items()},
        nodes=len(a.graph.nodes),
        matched=len(matching.nodes),
        matched_by_name=matching.by_name,
        unmatched=tuple(_unmatched(a, b, matching)),
        agreed_before=0 if found is None else narrowing.agreed_before(found),
        compared=len(narrowing.seen),
        runs=sum(one.runs for one in {id(p): p for p in (a, b, a.exported)}.values()),
        tolerance={dtype: limit(dtype) for dtype in DEFAULTS},
    )


def _inputs(config: BisectConfig, a: Program, b: Program, matching: Matching) -> Arrays:
    mine, theirs = ([one.name for one in program.graph.inputs] for program in (a, b))
    if sorted(matching.tensors.get(name, "") for name in mine) != sorted(theirs):
        raise RefusedError(
            f"{a.label} and {b.label} take different inputs",
            expected=", ".join(mine) or "none",
            found=", ".join(theirs) or "none",
            hint="Compare two versions of the same model.",
        )
    if config.inputs is not None:
        return given(config.inputs, a.graph, config.samples)
    return drawn(a.graph, b.graph, config.samples, config.seed)


def _limit(
    config: BisectConfig, a: Program, b: Program, matching: Matching
) -> Callable[[str], float]:
    """Return the tolerance of a dtype; what is not floating-point has to be equal."""
    whole = len(matching.nodes) == len(a.graph.nodes) == len(b.graph.nodes)
    if config.tolerance is not None:
        limits = dict.fromkeys(DEFAULTS, config.tolerance)
    elif whole and isinstance(a, OnnxProgram) and isinstance(b, OnnxProgram):
        limits = {}
    else:
        limits = DEFAULTS
    return lambda dtype: limits.get(dtype, 0.0)


def _place(
    a: Program, b: Program, matching: Matching, found: Found, lines: dict[int, list[str]]
) -> Place:
    boundary = matching.tensors.keys() - {found.target}
    module = a.module(found.target, boundary)
    if not module:
        counterpart = matching.tensors[found.target]
        module = b.module(counterpart, set(matching.tensors.values()) - {counterpart})
    return Place(
        node=_joined(node.name for node in found.nodes_a),
        op=_joined(node.op for node in found.nodes_a),
        counterpart=_joined(node.name for node in found.nodes_b),
        counterpart_op=_joined(node.op for node in found.nodes_b),
        module=module,
        tensor=found.target,
        tolerance=_finite(found.apart.amount),
        worst=found.apart.note,
        alone=_finite(found.alone.amount),
        inputs=_finite(found.inputs),
        confirmed=found.confirmed,
        causes=tuple(line for node in found.nodes_a for line in lines.get(node.index, ())),
    )


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _unmatched(a: Program, b: Program, matching: Matching) -> Iterator[str]:
    taken = set(matching.nodes.values())
    for node in a.graph.nodes:
        if node.index not in matching.nodes:
            yield f"{node.name} ({node.op}) of A"
    for node in b.graph.nodes:
        if node.index not in taken:
            yield f"{node.name} ({node.op}) of B"


def _finite(amount: float) -> float | None:
    return amount if math.isfinite(amount) else None
