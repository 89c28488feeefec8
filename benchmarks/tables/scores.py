"""Tables of scores of weights: the metric at equal sparsity, before and after fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["scores_table", "tuned_table"]

MODELS = {
    "lenet300": "LeNet-300-100 on MNIST, accuracy, %",
    "crepe": "CREPE, frames within 20 cents, %",
}
NAMES = {
    "random_unstructured": "`random_unstructured`",
    "l1_unstructured": "`l1_unstructured`, global",
    "lamp": "`lamp`",
    "wanda": "`wanda`",
    "snip": "`snip`",
    "taylor": "`taylor`",
    "suggested, drop": "magnitude, suggested by `drop`",
    "suggested, error": "magnitude, suggested by `error`",
}


def scores_table() -> str:
    """Return the metric of each model, method and sparsity, without training."""
    result = read_result("scores")
    titles = {model: title for model, title in MODELS.items() if model in result}
    amounts = sorted({row["amount"] for model in titles for row in result[model]["rows"]})
    head = ("", "pruned by", *(f"{100 * amount:.0f} %" for amount in amounts))
    rows = [
        (title, name, *_list_cells(result[model], method, amounts))
        for model, title in titles.items()
        for method, name in NAMES.items()
    ]
    below = " ".join(_describe(title, result[model]) for model, title in titles.items())
    return table(head, rows, below)


def _describe(title: str, model: Mapping[str, Any]) -> str:
    """Return the metric of the dense model and the samples."""
    name = title.partition(" on ")[0].partition(",")[0]
    return f"{name}, dense: {_scale(model, model['dense']):.2f} % on {model['samples']}."


def _list_cells(model: Mapping[str, Any], method: str, amounts: Sequence[float]) -> Iterator[str]:
    found = {row["amount"]: row.get("value") for row in model["rows"] if row["method"] == method}
    for amount in amounts:
        value = found.get(amount)
        yield "–" if value is None else f"{_scale(model, value):.1f}"


def _scale(model: Mapping[str, Any], value: float) -> float:
    """Return a metric of a model in percent."""
    return value if model["unit"] == "%" else 100 * value


def tuned_table() -> str:
    """Return the accuracy of LeNet after rounds of pruning and fine-tuning."""
    rows = read_result("scores").get("tuned")
    if rows is None:
        return "Not measured yet: run `make bench-scores`."
    cells = [
        (
            NAMES[row["method"]],
            f"{100 * row['sparsity']:.1f} %",
            f"{row['value']:.2f} % ({row['low']:.2f}–{row['high']:.2f})",
        )
        for row in rows
    ]
    return table(("LeNet, three rounds of one epoch", "sparsity", "accuracy"), cells)
