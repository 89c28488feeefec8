"""Benchmark of trained models that are pruned without training: quality, time and memory.

``python -m benchmarks.real_models`` compares outputs with those of the dense model on real data;
each model is a process of its own. ``--model NAME`` measures one and prints it as JSON.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peak import read_resident
from benchmarks.results import write_result
from prunepack.stages.data.datasets import open_data
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.runtime.host import host_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.data.datasets import Data

__all__ = ["CASES", "Case", "judge_pitch", "judge_scores", "judge_sentences", "measure_model"]

BATCH = 50


@dataclass(frozen=True, slots=True)
class Case:
    """One way to prune a model.

    Attributes:
        method: The pruning method.
        amount: The fraction of the weights to prune; for N:M, that of the pattern.
        scope: The scope of the ranking.
        is_repaired: Whether the remaining weights are then computed by least squares.
    """

    method: str
    amount: float
    scope: str = "auto"
    is_repaired: bool = False


def _repeat(methods: tuple[str, ...], amounts: tuple[float, ...]) -> list[Case]:
    return [Case(method, amount) for amount in amounts for method in methods]


CASES = {
    "minilm": [
        Case("l1_unstructured", 0.7, "global"),
        Case("wanda", 0.7),
        Case("wanda", 0.7, is_repaired=True),
        Case("admm", 0.7, is_repaired=True),
        Case("n_m", 0.5),
        Case("wanda_n_m", 0.5),
        Case("admm_n_m", 0.5, is_repaired=True),
    ],
    "crepe": _repeat(("l1_unstructured", "wanda"), (0.8, 0.9)),
    "efficientnet_lite0": _repeat(("l1_unstructured", "wanda"), (0.3, 0.4, 0.5, 0.6, 0.7)),
}
EXCLUDED = {"minilm": ("bert.embeddings.*",)}
"""Layers that stay dense: tables of embeddings have no inputs that a sum runs over."""


def compute_outputs(model: nn.Module, data: Data) -> Array:
    """Return the output of ``model`` for every test sample."""
    import torch

    outputs = []
    with torch.inference_mode():
        for batch in data.test.read(BATCH):
            tensors = [torch.from_numpy(array) for array in batch.arrays.values()]
            outputs.append(model(*tensors).numpy())
    return np.concatenate(outputs)


def judge_sentences(dense: Array, pruned: Array, _labels: Array | None) -> dict[str, float]:
    """Return the cosines of embeddings, and the rank correlation of similarities of all pairs."""
    from scipy.stats import spearmanr

    cosine = _cosines(dense, pruned)
    upper = np.triu_indices(len(dense), 1)
    ranks = spearmanr((dense @ dense.T)[upper], (pruned @ pruned.T)[upper])
    return {
        "cosine": float(cosine.mean()),
        "worst_cosine": float(cosine.min()),
        "spearman": float(ranks.statistic),
    }


def judge_pitch(_dense: Array, pruned: Array, labels: Array | None) -> dict[str, float]:
    """Return the percentage of frames whose pitch is right within 20 cents."""
    from prunepack.stages.data.datasets.tones import within_20_cents

    assert labels is not None, "tones have their pitch"
    right = within_20_cents({"output": pruned}, labels)
    return {"within_20_cents": 100 * float(right.mean())}


def judge_scores(dense: Array, pruned: Array, _labels: Array | None) -> dict[str, float]:
    """Return the percentage of samples with the same first class, and the cosines of the scores."""
    same = dense.argmax(1) == pruned.argmax(1)
    cosine = _cosines(dense, pruned)
    return {"agreement": 100 * float(same.mean()), "cosine": float(cosine.mean())}


def _cosines(first: Array, second: Array) -> Array:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines: Array = (first * second).sum(1) / lengths
    return cosines


JUDGES: dict[str, Callable[[Array, Array, Array | None], dict[str, float]]] = {
    "minilm": judge_sentences,
    "crepe": judge_pitch,
    "efficientnet_lite0": judge_scores,
}


def prune_model(model: nn.Module, name: str, case: Case, data: Data) -> dict[str, float]:
    """Prune ``model`` in place; return sparsities in percent and the seconds that it took."""
    from prunepack.stages.calibration.measurement import measure_statistics
    from prunepack.stages.calibration.reconstruction import reconstruct
    from prunepack.stages.prune import PruneConfig, apply_rules
    from prunepack.stages.pruning.methods import open_method
    from prunepack.stages.pruning.targets import count_weights

    fields: dict[str, Any] = {
        "method": case.method,
        "scope": case.scope,
        "exclude": EXCLUDED.get(name, ()),
    }
    fields |= {"amount": case.amount} if open_method(case.method).takes_amount else {}
    began = time.perf_counter()
    inputs = measure_statistics(model, data, open_method(case.method).needs)
    apply_rules(PruneConfig.model_validate(fields), model, inputs)
    if case.is_repaired:
        reconstruct(model, data)
    seconds = time.perf_counter() - began
    pruned, reached, prunable = count_weights(model)
    return {
        "sparsity": 100 * pruned / reached,
        "sparsity_of_all": 100 * pruned / prunable,
        "seconds": round(seconds, 1),
    }


def measure_model(name: str) -> dict[str, Any]:
    """Return a row for the dense model and for each case of ``name``."""
    entry = MODELS[name]
    assert entry.read_state is not None, "these models have trained weights"
    model = entry.build().eval()
    model.load_state_dict(entry.read_state())
    data = open_data(entry.dataset, entry.input_specs)
    labels = getattr(data.test, "labels", None)
    dense = compute_outputs(model, data)
    rows: list[dict[str, Any]] = [{"method": "dense", **JUDGES[name](dense, dense, labels)}]
    for case in CASES[name]:
        pruned = copy.deepcopy(model)
        facts = prune_model(pruned, name, case, data)
        quality = JUDGES[name](dense, compute_outputs(pruned, data), labels)
        rows.append(
            {"method": case.method, "scope": case.scope, "is_repaired": case.is_repaired}
            | {"amount": case.amount, **facts, **quality}
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return {"samples": len(dense), "peak": read_resident("VmHWM"), "rows": rows}


def main() -> None:
    """Measure all models, and write ``results/real_models.json``; or print one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=CASES, help="measure one model and print it")
    chosen = parser.parse_args().model
    if chosen:
        print(json.dumps(measure_model(chosen)))
        return
    result: dict[str, Any] = {"host": host_name()}
    for name in CASES:
        command = [sys.executable, "-m", "benchmarks.real_models", "--model", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        result[name] = json.loads(done.stdout)
    write_result("real_models", result)


if __name__ == "__main__":
    main()
