"""Checkpoints: a module from a folder, and a folder from a module."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import ModelSpec, read_spec, write_spec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.live import LiveModel
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.pruning.masks import join_name, put_mask
from prunepack.stages.pruning.parametrizations import fold_parametrizations
from prunepack.stages.pruning.recomputation import (
    recompute_before_forward,
    recompute_masked_weights,
)
from prunepack.stages.sources.module_sources import build_module
from prunepack.stages.sources.preparation import Prepared, prepare_module
from prunepack.stages.sources.state_files import read_safetensors
from prunepack.stages.sources.state_fit import check_fit, fill_ties, find_ties

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import torch
    from torch import nn

__all__ = [
    "build_prepared",
    "check_dense",
    "digest_state",
    "load_state",
    "open_model",
    "put_masks",
    "save_checkpoint",
    "save_masked",
    "select_tensors",
]


def open_model(source: Checkpoint | MaskedCheckpoint) -> tuple[nn.Module, ModelSpec]:
    """Rebuild the module in ``source``, with its masks, in evaluation mode; copy a live model.

    Raises:
        RefusedError: If the weights do not fit the model.
        UsageError: If the model's factory cannot be used.
    """
    if isinstance(source, LiveModel):
        return source.copy()
    spec = read_spec(source.path)
    model = build_prepared(spec).module
    if spec.is_final:
        fold_parametrizations(model.eval())
    weights = source.path / type(source).files[1]
    put_masks(model, ((entry.layer, entry.parameter) for entry in spec.pruned), str(weights))
    load_state(model, read_safetensors(weights) | spec.extra_state, str(weights), spec.tied)
    return model.eval(), spec


def build_prepared(spec: ModelSpec) -> Prepared:
    """Build the module of ``spec``, without wrappers and masks, for weights to be loaded into.

    Raises:
        RefusedError: If a parameter cannot be pruned or exported.
        UsageError: If the model's factory cannot be used.
    """
    return prepare_module(
        build_module(spec.model, spec.arguments, spec.seed),
        lambda module: compute_tensors(module, random_inputs(spec.inputs, 2, 0)),
    )


def put_masks(model: nn.Module, places: Iterable[tuple[str, str]], source: str) -> None:
    """Put a mask of ones on each (layer, parameter), for :func:`load_state` to fill.

    Raises:
        RefusedError: If ``model`` has no such parameter.
    """
    import torch

    own = dict(model.named_parameters(remove_duplicate=False))
    for layer, parameter in places:
        name = join_name(layer, parameter)
        if name not in own:
            raise RefusedError(
                f"`{source}` does not fit the model",
                expected=f"a parameter `{name}`",
                found="none",
                hint="Correct the factory or its load.arguments, or rename the keys of the file",
            )
        put_mask(model.get_submodule(layer), parameter, torch.ones_like(own[name]))
    recompute_before_forward(model)


def load_state(
    model: nn.Module, state: Mapping[str, Any], source: str, tied: Mapping[str, str] = {}
) -> None:
    """Copy ``state`` into ``model``; every name and every shape must fit.

    Raises:
        RefusedError: If one does not fit; the error names all of them.
    """
    own = model.state_dict()
    full = fill_ties(own, state, tied)
    check_fit(own, full, source)
    # hooks of spectral_norm look for its own names, which a mask changes: all names fit here
    model.load_state_dict(full, strict=False)
    recompute_masked_weights(model)


def save_checkpoint(out: Path, model: nn.Module, spec: ModelSpec) -> None:
    """Write ``model``, without masks, as a :class:`Checkpoint`."""
    _save(out / Checkpoint.files[1], out, model, spec.model_copy(update={"pruned": ()}))


def save_masked(out: Path, model: nn.Module, spec: ModelSpec) -> None:
    """Write ``model`` with its masks as a :class:`MaskedCheckpoint`."""
    import torch

    _save(out / MaskedCheckpoint.files[1], out, model, spec)
    torch.save(model.state_dict(), out / "pruned_model.pth")


def _save(weights: Path, out: Path, model: nn.Module, spec: ModelSpec) -> None:
    from safetensors.torch import save_file

    state = select_tensors(model.state_dict())
    tied = find_ties(state)
    owned = {name: _whole(tensor) for name, tensor in state.items() if name not in tied}
    save_file(owned, weights)
    extra = {name: value for name, value in model.state_dict().items() if name not in state}
    spec = spec.model_copy(update={"tied": tied, "extra_state": _check_extra_state(extra)})
    write_spec(out, spec)


def select_tensors(state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return the entries of a state dict that are tensors, without the extra state of modules."""
    import torch

    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def _check_extra_state(extra: dict[str, Any]) -> dict[str, Any]:
    """Return the extra state of modules if JSON can hold it.

    Raises:
        RefusedError: If it cannot; the error names the module.
    """
    for name, value in extra.items():
        try:
            kept = json.loads(json.dumps(value))
        except (TypeError, ValueError):
            kept = None
        if kept != value:
            raise RefusedError(
                f"the extra state `{name}` cannot be stored",
                expected="numbers, texts, lists and dictionaries with texts as keys",
                found=f"{value!r:.80}",
                hint="Return plain values from get_extra_state(), or a tensor",
            )
    return extra


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return ``tensor`` contiguous and, if it is a part of a larger one, as a copy."""
    part = tensor.untyped_storage().nbytes() != tensor.nbytes
    return tensor.clone().contiguous() if part else tensor.contiguous()


def check_dense(dense: nn.Module, pruned: ModelSpec) -> None:
    """Refuse a dense model that is not the one that was pruned, as far as that is known.

    Raises:
        RefusedError: If it has other weights.
    """
    if not pruned.before_pruning or not pruned.is_dense_known:
        return
    found = digest_state(dense.state_dict())
    if found != pruned.before_pruning:
        raise RefusedError(
            "the dense model is not the one that was pruned",
            expected=f"a state dict with the SHA-256 {pruned.before_pruning[:12]}…",
            found=f"{found[:12]}…",
            hint="Compare with the output of load that was pruned, or name another in load.dense",
        )


def digest_state(state: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the names, dtypes, shapes and bytes in a state dict."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        if not isinstance(state[name], torch.Tensor):
            extra = json.dumps(state[name], sort_keys=True, default=repr)
            digest.update(f"{name} {extra}\0".encode())
            continue
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
