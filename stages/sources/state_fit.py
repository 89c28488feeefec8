"""Fit of a state dict to a model: names, shapes, dtypes, and all problems in one error."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.contract.messages import list_first, list_names
from prunepack.stages.contract.progress import remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch
    from torch import nn

    from prunepack.stages.sources.state_keys import State

__all__ = ["check_fit", "complete_state", "fill_ties", "find_ties", "is_extra_state"]

PROFILED = ("total_ops", "total_params")
"""Buffers that a profiler leaves on every layer."""

COUNTER = "num_batches_tracked"
"""A buffer of BatchNorm that evaluation does not read; old versions of torch lack it."""

LISTED = 60
LEAST_SIMILARITY = 0.6


def complete_state(state: State, model: nn.Module, source: str) -> State:
    """Return ``state`` without entries that mean nothing to the model, and with counters it lacks.

    Args:
        state: The tensors of a file, under the names of the model.
        model: The model, with the masks of the file.
        source: The origin of ``state``, for the notes.
    """
    own = model.state_dict()
    unsaved = {name for name, _ in model.named_buffers()} - own.keys()
    dropped = [name for name in state if name not in own and _is_dispensable(name, unsaved)]
    if dropped:
        remark(f"`{source}`: ignored: {list_names(dropped)}")
    missing = [n for n in own if n not in state and n.rpartition(".")[2] == COUNTER]
    if missing:
        remark(f"`{source}`: missing: {list_names(missing)}, set to 0")
    kept = {name: value for name, value in state.items() if name not in dropped}
    full = kept | {name: own[name].new_zeros(own[name].shape) for name in missing}
    extra = [name for name in own if is_extra_state(name) and name not in full]
    if extra:
        remark(f"`{source}`: missing: {list_names(extra)}, as the factory makes it")
    _tell_casts(full, own, source)
    return full | {name: own[name] for name in extra}


def _is_dispensable(name: str, unsaved: set[str]) -> bool:
    return name.rpartition(".")[2] in {*PROFILED, COUNTER} or name in unsaved


def _tell_casts(state: State, own: Mapping[str, Any], source: str) -> None:
    """Tell which floating-point dtypes the model converts to its own."""
    casts = dict.fromkeys(
        (_name_dtype(state[name]), _name_dtype(own[name]))
        for name in own
        if name in state
        and _is_float(state[name])
        and _is_float(own[name])
        and not name.endswith("_mask")
        and state[name].dtype != own[name].dtype
    )
    for given, wanted in casts:
        remark(f"`{source}`: {given} weights converted to {wanted}")


def _is_float(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _name_dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def is_extra_state(name: str) -> bool:
    """Return whether ``name`` is the entry of a module's ``get_extra_state``."""
    return name.rpartition(".")[2] == "_extra_state"


def check_fit(own: Mapping[str, Any], state: Mapping[str, Any], source: str) -> None:
    """Compare the names, shapes and kinds of a state dict with the model's.

    Raises:
        RefusedError: If they differ; the error lists every difference.
    """
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    parts = [f"missing {list_names(missing, LISTED)}"] if missing else []
    if unexpected:
        parts.append(f"unexpected {_list_with_nearest(unexpected, missing)}")
    for name in sorted(own.keys() & state.keys()):
        parts += _list_misfits(name, own[name], state[name])
    if parts:
        more = f"; and {len(parts) - LISTED} more" if len(parts) > LISTED else ""
        raise RefusedError(
            f"`{source}` does not fit the model",
            expected=f"the {len(own)} tensors of its state dict",
            found="; ".join(parts[:LISTED]) + more,
            hint="Correct the factory or its load.arguments, or rename the keys of the file",
        )


def _list_with_nearest(names: list[str], missing: list[str]) -> str:
    """Return names in backticks, each with the most similar missing name if there is one."""
    shown = []
    for name in names:
        near = find_nearest(name, missing)
        shown.append(f"`{name}` (nearest: `{near}`)" if near else f"`{name}`")
    return list_first(shown, LISTED)


def find_nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate with the same last part and the most similar layer, or the reverse."""
    layer, _, leaf = name.rpartition(".")
    best, most = None, LEAST_SIMILARITY
    for candidate in candidates:
        other, _, last = candidate.rpartition(".")
        if leaf == last:
            similarity = difflib.SequenceMatcher(None, layer, other).ratio()
        elif layer == other and layer:
            similarity = LEAST_SIMILARITY
        else:
            continue
        if similarity >= most and (best is None or similarity > most):
            best, most = candidate, similarity
    return best


def _list_misfits(name: str, own: Any, given: Any) -> Iterator[str]:
    """Yield the reasons why ``given`` cannot be copied into ``own`` without a change of values."""
    import torch

    if is_extra_state(name):
        return
    if not isinstance(given, torch.Tensor):
        yield f"`{name}` is a {type(given).__name__}, not a tensor"
    elif given.shape != own.shape:
        yield f"`{name}` is {tuple(given.shape)}, not {tuple(own.shape)}"
    elif given.layout != torch.strided or given.is_meta or given.is_quantized:
        kind = "without data" if given.is_meta else "quantised" if given.is_quantized else "sparse"
        yield f"`{name}` is {kind}, not dense"
    elif not name.endswith("_mask") and _find_number_kind(given) != _find_number_kind(own):
        yield f"`{name}` is {_name_dtype(given)}, not {_name_dtype(own)}"


def _find_number_kind(tensor: torch.Tensor) -> str:
    """Return the kind of numbers that no cast keeps: complex, floating-point or whole ones."""
    if tensor.is_complex():
        return "complex"
    return "float" if tensor.is_floating_point() else "whole"


def fill_ties(own: Mapping[str, Any], state: Mapping[str, Any], tied: Mapping[str, str]) -> State:
    """Return ``state`` with every name of its tied tensors; a file may hold any one of them."""
    full = {**state, **{name: state[owner] for name, owner in tied.items() if owner in state}}
    for name, owner in find_ties(own).items():
        for missing, present in ((name, owner), (owner, name)):
            if missing not in full and present in full:
                full[missing] = full[present]
    return full


def find_ties(state: Mapping[str, Any]) -> dict[str, str]:
    """Map each further name of a shared tensor to the first one."""
    import torch

    first: dict[tuple[int, torch.Size, tuple[int, ...]], str] = {}
    tied: dict[str, str] = {}
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            continue
        owner = first.setdefault((tensor.data_ptr(), tensor.shape, tensor.stride()), name)
        if owner != name and tensor.numel() and not tensor.is_meta:
            tied[name] = owner
    return tied
