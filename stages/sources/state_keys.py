"""State dicts inside checkpoints: the key that holds them, and the names of their tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from prunepack.errors import RefusedError
from prunepack.stages.contract.messages import list_names
from prunepack.stages.contract.progress import remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch

    State: TypeAlias = dict[str, Any]
    """Tensors by name; the extra state of a module may be any value."""

__all__ = ["State", "fit_names", "select_state"]

CONTAINERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "module",
    "params",
    "ema",
    "model_ema",
)
"""Keys under which trainers keep the state dict, in the order of preference."""

EXTRA_STATE = "_extra_state"
DEPTH = 3
"""Levels of dictionaries that may stand around a state dict."""

INSERTED = ("_orig_mod.", "module.")
"""Parts of names that torch.compile and DataParallel insert before a layer inside the model."""

SHOWN = 8


def select_state(content: object, source: str) -> State:
    """Return the state dict in ``content``: at the top, or under one key.

    Raises:
        RefusedError: If there is none, or under several keys of unknown meaning.
    """
    path: list[str] = []
    ignored: list[str] = []
    value = content
    for _ in range(DEPTH):
        if not isinstance(value, dict) or (key := _find_container(value, source)) is None:
            break
        path.append(key)
        ignored += [".".join([*path[:-1], str(name)]) for name in value if name != key]
        value = value[key]
    if not isinstance(value, dict) or not _has_tensors(value):
        raise _refuse_content(content, source)
    state, others = _split_tensors(value)
    if path:
        text = f"`{source}`: state dict found under `{'.'.join(path)}`"
        remark(f"{text}; ignored: {list_names(ignored)}" if ignored else text)
    if others:
        remark(f"`{source}`: values that are not tensors; ignored: {list_names(others)}")
    return state


def _find_container(value: Mapping[Any, Any], source: str) -> str | None:
    """Return the key whose value holds the state dict; None if ``value`` is the state dict."""
    inside = {key: entry for key, entry in value.items() if isinstance(entry, dict)}
    for key in CONTAINERS:
        if key in inside and _leads_to_state(inside[key]):
            return key
    if _has_tensors(value):
        return None
    rest = [key for key in inside if isinstance(key, str) and _leads_to_state(inside[key])]
    if len(rest) > 1:
        raise RefusedError(
            f"`{source}` holds several state dicts",
            expected="one, or one under a key such as `state_dict`",
            found=list_names(rest),
            hint="Save the one to prune alone: torch.save(model.state_dict(), path)",
        )
    return rest[0] if rest else None


def _leads_to_state(value: object, depth: int = DEPTH) -> bool:
    if not isinstance(value, dict) or not depth:
        return False
    if _has_tensors(value):
        return True
    return any(_leads_to_state(value.get(key), depth - 1) for key in CONTAINERS)


def _has_tensors(value: Mapping[Any, Any]) -> bool:
    """Return whether a dictionary holds tensors by name, as a state dict does."""
    return any(_is_entry(name, entry) for name, entry in value.items())


def _is_entry(name: object, value: object) -> bool:
    import torch

    return isinstance(name, str) and (isinstance(value, torch.Tensor) or _is_array(value))


def _is_array(value: object) -> bool:
    import numpy as np

    return isinstance(value, np.ndarray) and value.dtype.kind in "fiubc"


def _split_tensors(value: Mapping[Any, Any]) -> tuple[State, list[str]]:
    """Return the tensors and extra states in a dictionary, and the names of all else."""
    state: State = {}
    others: list[str] = []
    for name, entry in value.items():
        if _is_entry(name, entry) or str(name).endswith(EXTRA_STATE):
            state[name] = _make_tensor(entry)
        elif not str(name).startswith("__"):
            others.append(str(name))
    return state, others


def _make_tensor(value: Any) -> Any:
    """Return an array as a tensor, and a parameter without its gradient."""
    import numpy as np
    import torch

    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value).reshape(value.shape))
    return value.detach() if isinstance(value, torch.Tensor) else value


def _refuse_content(content: object, source: str) -> RefusedError:
    found = f"a {type(content).__name__}"
    if isinstance(content, dict):
        found = list_names(map(str, content)) if content else "an empty dictionary"
    return RefusedError(
        f"`{source}` holds no state dict",
        expected="tensors by their names, at the top or under one key",
        found=found,
        hint="Save torch.save(model.state_dict(), path)",
    )


def fit_names(state: State, own: Mapping[str, torch.Tensor], source: str) -> State:
    """Return ``state`` under the names of the model, without a prefix that the model lacks.

    A prefix is removed, or added, only if the tensors then have all names of the model that they
    lack now. Tensors outside of the prefix are left out.

    Args:
        state: The tensors of a file, with masks or without.
        own: The state dict of the model, without masks.
        source: The origin of ``state``, for the notes.

    Raises:
        RefusedError: If the tensors fit under several prefixes, as those of two models do.
    """
    best, text, most = state, "", _count_fits(state, own)
    rival = ""
    for renamed, words in _list_renamings(state, own) if most < len(own) else ():
        count = _count_fits(renamed, own)
        if count > most:
            best, text, most, rival = renamed, words, count, ""
        elif text and count == most and not _is_within(renamed, best):
            rival = words
    if not text:
        return state
    if rival:
        raise RefusedError(
            f"`{source}` fits the model under several names",
            expected="one set of weights",
            found=f"{text}, or {rival}",
            hint="Save the state dict of the model alone: torch.save(model.state_dict(), path)",
        )
    used = {id(tensor) for tensor in best.values()}
    left = [name for name, tensor in state.items() if id(tensor) not in used]
    remark(f"`{source}`: {text}" + (f"; ignored: {list_names(left)}" if left else ""))
    return best


def _is_within(state: State, other: State) -> bool:
    """Return whether all tensors of ``state`` are tensors of ``other`` too, or the reverse."""
    ids, others = ({id(tensor) for tensor in each.values()} for each in (state, other))
    return ids <= others or others <= ids


def _list_renamings(state: State, own: Mapping[str, object]) -> Iterator[tuple[State, str]]:
    """Yield the state under other names, with the words of a note."""
    for prefix in _list_prefixes(state):
        inside = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
        yield inside, f"prefix `{prefix}` removed"
    for part in INSERTED:
        if any(part in name for name in state):
            yield {n.replace(part, ""): t for n, t in state.items()}, f"`{part}` removed from names"
    for prefix in _list_prefixes(own):
        yield {f"{prefix}{n}": t for n, t in state.items()}, f"prefix `{prefix}` added"


def _list_prefixes(names: Iterable[str]) -> list[str]:
    """Return every dotted prefix that is shared by several names, the shortest first."""
    prefixes: dict[str, int] = {}
    for name in names:
        parts = name.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            prefix = ".".join(parts[:depth]) + "."
            prefixes[prefix] = prefixes.get(prefix, 0) + 1
    largest = max(prefixes.values(), default=0)
    shared = [prefix for prefix, count in prefixes.items() if 4 * count > largest]
    return sorted(shared, key=len)


def _count_fits(state: State, own: Mapping[str, object]) -> int:
    """Return the number of the model's names that ``state`` has, as a weight or under a mask."""
    return sum(name in state or f"{name}_orig" in state for name in own)
