"""Outputs of a live module by name, and the one that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.models.output_tree import flatten_result, name_paths, select_tensors
from prunepack.stages.models.running import call_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from torch import nn

    from prunepack.stages.training.batches import Tensors

__all__ = ["choose_answer", "compute_outputs"]


def compute_outputs(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors in the model's result by the names that ONNX gives them."""
    result = call_module(model, inputs)
    tensors = select_tensors(flatten_result(result))
    return {name: tensors[path] for name, path in name_paths(result, list(tensors)).items()}


def choose_answer(names: Iterable[str], answer: str) -> str:
    """Return the name of the output that answers; the first one if ``answer`` is empty.

    Args:
        names: The names of the outputs.
        answer: The name or the number of an output.

    Raises:
        UsageError: If there is no such output.
    """
    known = list(names)
    if answer.isdigit() and int(answer) < len(known):
        return known[int(answer)]
    if not answer or answer in known:
        return answer or known[0]
    raise UsageError(
        f"verify.answer names no output: `{answer}`",
        expected=", ".join(f"`{name}`" for name in known),
        found=f"`{answer}`",
        hint=suggest_name(answer, known).replace("'", "`"),
    )
