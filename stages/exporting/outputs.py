"""Choice and names of a model's outputs in ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import remark
from prunepack.stages.models.output_tree import (
    flatten_result,
    has_keys,
    name_paths,
    select_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Chosen", "choose_outputs"]

Chosen = Sequence[str] | Mapping[str, str]
"""Paths of outputs, or paths by the name of the output."""


def choose_outputs(result: object, chosen: Chosen) -> dict[str, str]:
    """Return the path of each output by its name in ONNX, in order, and tell the others.

    Args:
        result: A result of the model.
        chosen: The outputs to keep; all tensors if it is empty.

    Raises:
        UsageError: If ``chosen`` names an output that the result does not have.
    """
    leaves = flatten_result(result)
    paths = list(select_tensors(leaves))
    for path in (path for path in leaves if path not in paths):
        remark(f"output {_show(path)} is {_describe(leaves[path])} and is left out")
    everything = name_paths(result, paths)
    if not chosen:
        return everything
    if isinstance(chosen, Mapping):
        kept = {name: _find_path(path, everything) for name, path in chosen.items()}
    else:
        kept = _name_chosen(chosen, everything, keyed=has_keys(result))
    for name, path in everything.items():
        if path not in kept.values():
            remark(f"output `{path or name}` is left out")
    return kept


def _name_chosen(
    chosen: Iterable[str], everything: Mapping[str, str], *, keyed: bool
) -> dict[str, str]:
    """Return the chosen paths by name; a path above several outputs means all of them."""
    pairs: list[tuple[str, str]] = []
    for entry in chosen:
        below = [path for path in everything.values() if path.startswith(f"{entry}.")]
        if entry not in everything and below:
            pairs += [(path, path) for path in below]
        else:
            pairs.append((entry, _find_path(entry, everything)))
    if keyed or all(name in everything for name, _ in pairs):
        return dict(pairs)
    if len(pairs) == 1:
        return {"output": pairs[0][1]}
    return {f"output_{index}": path for index, (_, path) in enumerate(pairs)}


def _find_path(entry: str, everything: Mapping[str, str]) -> str:
    """Return the path that an entry means: a path, or the name of an output.

    Raises:
        UsageError: If there is no such output.
    """
    if entry in everything.values():
        return entry
    if entry in everything:
        return everything[entry]
    known = [path or name for name, path in everything.items()]
    near = get_close_matches(entry, known, 1)
    raise UsageError(
        f"export.outputs names no output: `{entry}`",
        expected=", ".join(f"`{path}`" for path in known),
        found=f"`{entry}`",
        hint=f"Did you mean `{near[0]}`?" if near else "Choose among the outputs of the model",
    )


def _show(path: str) -> str:
    return path if path.replace(".", "").isdigit() else f"`{path}`"


def _describe(value: object) -> str:
    if isinstance(value, int | float | complex):
        return f"the number {value!r}"
    return f"a {type(value).__name__}"
