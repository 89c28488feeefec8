"""Channel groups of a model, by the dependency graph of torch-pruning.

Source: Fang et al. (2023), "DepGraph: Towards Any Structural Pruning".
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.stages.contract.messages import describe_error
from prunepack.stages.models.output_tree import flatten_result, select_tensors
from prunepack.stages.models.running import call_module
from prunepack.stages.pruning.groups.parts import Part, UnsupportedLayerError, list_parts
from prunepack.stages.pruning.groups.units import number_units
from prunepack.stages.pruning.masks import pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping

__all__ = ["ChannelGroup", "find_groups"]


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Units that only go together in all layers that share them.

    Attributes:
        name: The layer that the group was found from.
        parts: The slices of parameters that belong to the units.
        count: The number of units: channels, whole attention heads, or channels at one place of
            all groups of a grouped convolution.
        obstacle: Why the units cannot be removed; empty if they can.
    """

    name: str
    parts: tuple[Part, ...]
    count: int
    obstacle: str = ""


def find_groups(module: nn.Module, inputs: ArrayMapping) -> list[ChannelGroup]:
    """Return the channel groups of a model.

    Args:
        module: The model, with or without masks; it is not changed.
        inputs: A batch of inputs.

    Raises:
        UsageError: If torch-pruning is not installed, or cannot trace the model.
    """
    plain = _copy_without_masks(module)
    modules = dict(module.named_modules())
    names = {each: name for name, each in plain.named_modules()}
    groups = []
    for raw in _trace(plain, inputs):
        root = raw[0].dep.target.module
        units, count = number_units(raw, names[root], modules)
        try:
            parts = tuple(list_parts(raw, units, {m: modules[n] for m, n in names.items()}))
        except UnsupportedLayerError as error:
            groups.append(ChannelGroup(names[root], (), count, str(error)))
            continue
        is_read = any(part.is_input for part in parts)
        obstacle = "" if is_read else "they are outputs of the model"
        groups.append(ChannelGroup(names[root], parts, count, obstacle))
    return groups


def _copy_without_masks(module: nn.Module) -> nn.Module:
    """Return a copy whose masks are multiplied in, with a gradient for every parameter."""
    from torch.nn.utils import prune

    plain = deepcopy(module)
    for place in list(pruned_parameters(plain)):
        prune.remove(place.module, place.parameter)
    return plain.requires_grad_(True)


def _trace(module: nn.Module, inputs: ArrayMapping) -> Iterator[Any]:
    """Yield the groups of torch-pruning."""
    import torch

    torch_pruning = _import_torch_pruning()
    tensors = {name: torch.tensor(array) for name, array in inputs.items()}
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), _quiet():
            graph = torch_pruning.DependencyGraph().build_dependency(
                module, example_inputs=tensors, forward_fn=_run, verbose=False
            )
            yield from list(graph.get_all_groups())
    except Exception as error:
        raise UsageError(
            "the channel groups of the model cannot be found",
            expected="a model that torch-pruning can trace",
            found=describe_error(error),
            hint="Leave groups out: then each layer is pruned for itself",
        ) from error


def _run(module: nn.Module, tensors: dict[str, Any]) -> list[Any]:
    leaves = select_tensors(flatten_result(call_module(module, tensors)))
    return [tensor for tensor in leaves.values() if tensor.requires_grad]


@contextmanager
def _quiet() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _import_torch_pruning() -> Any:
    try:
        import torch_pruning
    except ImportError as error:
        raise UsageError(
            f"torch-pruning cannot be imported ({error})",
            expected="torch-pruning, which finds the channel groups",
            found="none",
            hint="Install `prunepack[groups]`",
        ) from error
    return torch_pruning
