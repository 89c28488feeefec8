"""Outputs of a live module by name, and the one that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import suggest_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from torch import nn

    from prunepack.stages.training.batches import Tensors

__all__ = ["choose_answer", "compute_outputs"]


def compute_outputs(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors in the model's result by the names that ONNX gives them."""
    import torch
    from torch.utils._pytree import tree_flatten_with_path

    result = model(*inputs.values())
    leaves = [leaf for leaf in tree_flatten_with_path(result)[0] if torch.is_tensor(leaf[1])]
    if isinstance(result, dict):
        return {".".join(map(_name_key, path)): tensor for path, tensor in leaves}
    if len(leaves) == 1:
        return {"output": leaves[0][1]}
    return {f"output_{index}": tensor for index, (_, tensor) in enumerate(leaves)}


def _name_key(key: object) -> str:
    return str(getattr(key, "key", getattr(key, "idx", key)))


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
