"""View of a checkpoint: sparsity and pruning methods per parameter, and a layer in detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.models.denormals import find_tensor_denormals
from prunepack.stages.pruning.masks import Pruned, held_parameters, join_name, pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint

__all__ = ["LayerView", "ModelView", "Row", "TensorView", "describe_hook", "inspect_model"]


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter of the model, under its name without masks.

    Attributes:
        layer: The module's name.
        parameter: The parameter's name in it.
        shape: Its shape.
        dtype: Its dtype, by torch's name: ``float32``.
        elements: The number of its elements.
        pruned: The number of elements that a mask sets to zero.
        zeros: The number of elements that are zero when the layer runs, masked or not.
        denormals: The number of elements that are denormal when the layer runs.
        sparsity: ``zeros`` as a fraction of ``elements``.
        methods: The methods that made the mask, oldest first.
        tied_to: The name of the parameter whose values it shares; empty if it shares none.
    """

    layer: str
    parameter: str
    shape: tuple[int, ...]
    dtype: str
    elements: int
    pruned: int
    zeros: int
    denormals: int
    sparsity: float
    methods: tuple[str, ...]
    tied_to: str


@dataclass(frozen=True, slots=True)
class TensorView:
    """A tensor as torch prints it, in full if it is small."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    text: str


@dataclass(frozen=True, slots=True)
class LayerView:
    """A layer as Python shows it, with its masks.

    Attributes:
        layer: Its name.
        kind: The class of the module.
        named_parameters: The module's own entries of ``module.named_parameters()``.
        named_buffers: The module's own entries of ``module.named_buffers()``.
        forward_pre_hooks: The classes of ``module._forward_pre_hooks``. A checkpoint keeps masks
            and not hooks: they are torch's ``Identity`` here, and the history of methods is in
            the rows.
        before: The masked parameters before the mask is applied (``NAME_orig``).
        after: The same parameters after the mask is applied.
    """

    layer: str
    kind: str
    named_parameters: tuple[TensorView, ...]
    named_buffers: tuple[TensorView, ...]
    forward_pre_hooks: tuple[str, ...]
    before: tuple[TensorView, ...]
    after: tuple[TensorView, ...]


@dataclass(frozen=True, slots=True)
class ModelView:
    """Parameters of a checkpoint, shared parameters counted once, and one layer on request.

    Attributes:
        model: The name of a built-in model, or the user's factory.
        rows: Its parameters, in module order.
        elements: The number of their elements.
        pruned: The number of elements that masks set to zero.
        zeros: The number of elements that are zero when the model runs.
        denormals: The number of elements that are denormal when the model runs.
        layer: The requested layer; None if none was requested.
    """

    model: str
    rows: tuple[Row, ...]
    elements: int
    pruned: int
    zeros: int
    denormals: int
    layer: LayerView | None = None


def inspect_model(folder: Checkpoint | MaskedCheckpoint, layer: str | None = None) -> ModelView:
    """Describe the model in ``folder``, and its ``layer`` if one is named.

    Raises:
        UsageError: If there is no such layer.
        RefusedError: If the checkpoint cannot be opened.
    """
    module, spec = open_model(folder)
    rows = tuple(_rows(module, spec))
    own = [row for row in rows if not row.tied_to]
    return ModelView(
        model=spec.model,
        rows=rows,
        elements=sum(row.elements for row in own),
        pruned=sum(row.pruned for row in own),
        zeros=sum(row.zeros for row in own),
        denormals=sum(row.denormals for row in own),
        layer=None if layer is None else _layer_view(module, layer),
    )


def _rows(model: nn.Module, spec: ModelSpec) -> Iterator[Row]:
    methods = {join_name(one.layer, one.parameter): one.methods for one in spec.pruned}
    first: dict[int, str] = {}
    for place, tensor in held_parameters(model):
        owner = first.setdefault(id(tensor), place.name)
        used = getattr(place.module, place.parameter)
        denormals = int(find_tensor_denormals(used).sum())
        zeros = int((used == 0).sum())
        yield Row(
            layer=place.layer,
            parameter=place.parameter,
            shape=tuple(tensor.shape),
            dtype=_dtype(tensor),
            elements=tensor.numel(),
            pruned=int((place.mask == 0).sum()) if isinstance(place, Pruned) else 0,
            zeros=zeros,
            denormals=denormals,
            sparsity=zeros / max(tensor.numel(), 1),
            methods=methods.get(place.name) or methods.get(owner, ()),
            tied_to="" if owner == place.name else owner,
        )


def _layer_view(model: nn.Module, layer: str) -> LayerView:
    modules = dict(model.named_modules(remove_duplicate=False))
    if layer not in modules:
        known = [name for name in modules if name]
        raise UsageError(f"the model has no layer {quote(layer)}", hint=suggest_name(layer, known))
    module = modules[layer]
    masked = [one for one in pruned_parameters(module) if not one.layer]
    return LayerView(
        layer=layer,
        kind=type(module).__name__,
        named_parameters=_views(module.named_parameters(recurse=False)),
        named_buffers=_views(module.named_buffers(recurse=False)),
        forward_pre_hooks=tuple(map(describe_hook, module._forward_pre_hooks.values())),
        before=_views((f"{one.parameter}_orig", one.original) for one in masked),
        after=_views((one.parameter, getattr(module, one.parameter)) for one in masked),
    )


def describe_hook(hook: object) -> str:
    """Return the class of ``hook``, with the methods that a container has collected."""
    from torch.nn.utils.prune import PruningContainer

    if isinstance(hook, PruningContainer):
        return f"PruningContainer({', '.join(type(method).__name__ for method in hook)})"
    return getattr(hook, "__name__", type(hook).__name__)


def _views(tensors: Iterable[tuple[str, torch.Tensor]]) -> tuple[TensorView, ...]:
    return tuple(
        TensorView(name, tuple(tensor.shape), _dtype(tensor), str(tensor))
        for name, tensor in tensors
    )


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
