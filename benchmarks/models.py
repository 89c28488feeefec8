"""Models of the benchmarks: trained elsewhere, pruned by global magnitude, as ONNX files.

``python -m benchmarks.models`` fetches the weights and makes every file; :func:`onnx_model` then
reads them from the cache, and makes a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

from prunepack.io.atomic import create_folder
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.data.datasets import fetch as fetch_dataset
from prunepack.stages.data.downloads import cache_folder
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.prune import PruneConfig, prune

__all__ = ["CASES", "MODELS", "SPARSITIES", "Case", "onnx_model"]

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]

SPARSITIES = (0.5, 0.8, 0.9, 0.95)
TOKENS = 64


def _of_networks(name: str, *inputs: InputSpec) -> LoadConfig:
    return LoadConfig(model=f"benchmarks.networks:{name}", inputs=inputs)


MODELS = {
    "minilm": _of_networks(
        "minilm_states",
        InputSpec(name="input_ids", shape=(TOKENS,), dtype="int64"),
        InputSpec(name="attention_mask", shape=(TOKENS,), dtype="int64"),
    ),
    "crepe_full": _of_networks("crepe_full", InputSpec(shape=(1024,))),
    "crepe_tiny": _of_networks("crepe_tiny", InputSpec(shape=(1024,))),
    "efficientnet_lite0": _of_networks("efficientnet_lite0", InputSpec(shape=(3, 224, 224))),
    "lenet": LoadConfig(model="lenet"),
    "lenet300": LoadConfig(model="lenet300"),
}
"""Configuration of ``load`` for each model, the largest first."""


@dataclass(frozen=True, slots=True)
class Case:
    """A model as one ONNX file.

    Attributes:
        model: A key of :data:`MODELS`.
        sparsity: Fraction of its weights that are pruned, over all layers together.
        precision: How its weights are stored.
    """

    model: str
    sparsity: float = 0.9
    precision: Precision = "fp32"

    @property
    def name(self) -> str:
        """The name of its files, and in the tables."""
        return f"{self.model}-{round(100 * self.sparsity)}-{self.precision}"


CASES = [
    case
    for model in MODELS
    for case in (
        *(Case(model, sparsity) for sparsity in SPARSITIES),
        Case(model, 0.9, "fp16"),
        Case(model, 0.9, "int8"),
    )
]
"""The files whose sizes are compared."""


def onnx_model(name: str, sparsity: float = 0.9, precision: Precision = "fp32") -> Path:
    """Return the ONNX file of a model; make it if it is not in the cache.

    Weights with at least two dimensions are pruned by magnitude over the whole model, without
    fine-tuning; then the masks become permanent and the model is exported.

    Raises:
        KeyError: If ``name`` is not in :data:`MODELS`.
        UsageError: If its weights or its data were not fetched.
    """
    case = Case(name, sparsity, precision)
    path = _folder() / case.name / "model.onnx"
    if not path.exists():
        with create_folder(path.parent, (), force=False) as out:
            _make(case, out)
    return path


def _folder() -> Path:
    import torch

    folder = cache_folder() / "benchmarks" / f"models-torch-{torch.__version__}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _make(case: Case, out: Path) -> None:
    if case.precision == "fp32":
        _export(case, out)
    else:
        _convert(onnx_model(case.model, case.sparsity), out / "model.onnx", case.precision)


def _export(case: Case, out: Path) -> None:
    model = _dense(case.model)
    with TemporaryDirectory(dir=out.parent) as scratch:
        if case.sparsity:
            masked, final = Path(scratch, "masked"), Path(scratch, "final")
            masked.mkdir()
            final.mkdir()
            prune.body(PruneConfig(amount=case.sparsity), masked, model)
            finalize.body(FinalizeConfig(samples=2), final, MaskedCheckpoint(masked, ""))
            model = Checkpoint(final, "")
        export.body(ExportConfig(), out, model)


def _dense(name: str) -> Checkpoint:
    """Return the trained model; load or train it once."""
    folder = _folder() / name
    if not folder.exists():
        with create_folder(folder, (), force=False) as out:
            load.body(MODELS[name], out)
    return Checkpoint(folder, "")


def _convert(source: Path, target: Path, precision: Precision) -> None:
    import onnx

    from benchmarks.precision import to_float16, to_int8

    model = onnx.load(source)
    (to_float16 if precision == "fp16" else to_int8)(model)
    target.write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Fetch all weights, and make all files."""
    fetch_dataset("mnist")
    for case in CASES:
        path = onnx_model(case.model, case.sparsity, case.precision)
        print(f"{case.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
