"""Properties of files with weights alone, which need the code of their model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.contract.progress import collect_remarks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

__all__ = ["describe_weights", "guess_input"]

IMAGE = 224
"""Usual height and width of an image."""

PLACEHOLDER = "net.py:build"

ZEROS = 0.3
"""Fraction of zeros from which on a weight counts as pruned, as in ``load.masks``."""


def describe_weights(source: Path) -> dict[str, Any]:
    """Return the properties of a state dict; its model must be named by hand.

    Raises:
        RefusedError: If the file holds no state dict.
    """
    from prunepack.stages.sources.found_masks import split_masks
    from prunepack.stages.sources.state_files import read_state

    with collect_remarks() as remarks:
        found = split_masks(read_state(source), "keep", str(source))
    masked = set(found.masked)
    state = {
        name.removesuffix("_orig"): tensor
        for name, tensor in found.state.items()
        if not name.endswith("_mask")
    }
    layers = tuple((name, tuple(t.shape)) for name, t in state.items() if t.ndim >= 2)
    is_masked = bool(masked) or any(_is_sparse(state[name]) for name, _ in layers)
    notes = [
        f"Replace `{PLACEHOLDER}` by your function that returns the nn.Module of these weights.",
        f"The file holds {len(state)} tensors with {sum(t.numel() for t in state.values()):,} "
        "values.",
        *(f"{text[:1].upper()}{text[1:]}." for text in remarks),
    ]
    entry, guess = guess_input(layers)
    return {
        "load": {"model": PLACEHOLDER, "weights": str(source), "inputs": [entry]},
        "notes": (*notes, guess),
        "layers": layers,
        "is_masked": is_masked,
    }


def _is_sparse(tensor: torch.Tensor) -> bool:
    return tensor.numel() > 0 and int((tensor == 0).sum()) >= ZEROS * tensor.numel()


def guess_input(
    layers: tuple[tuple[str, tuple[int, ...]], ...], name: str = "input"
) -> tuple[dict[str, Any], str]:
    """Return an input that the first weight may take, and a sentence on the guess."""
    first, shape = layers[0] if layers else ("", ())
    by: Mapping[int, list[int | str]] = {
        2: [shape[1] if len(shape) > 1 else 1],
        3: [shape[1] if len(shape) > 1 else 1, "length"],
        4: [shape[1] if len(shape) > 1 else 1, IMAGE, IMAGE],
    }
    guess = by.get(len(shape), [3, IMAGE, IMAGE])
    entry: dict[str, Any] = {"name": name, "shape": guess}
    if "embed" in first.lower():
        entry = {"name": name, "shape": ["tokens"], "dtype": "int64"}
    reason = f"guessed from the first weight, `{first}`" if first else "a guess"
    return entry, f"The shape of the input, without the batch, is {reason}: correct it."
