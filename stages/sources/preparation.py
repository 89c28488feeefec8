"""Preparation of a module for the stages: plain, without masks, with memory of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.pruning.masks import lift_mask, pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from torch import nn

    from prunepack.stages.sources.state_keys import State

__all__ = ["Prepared", "convert_bfloat16", "prepare_module"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A module that load, or a later stage, fills with weights.

    Attributes:
        module: The module without wrappers and masks, on the CPU.
        state: Its state dict as the factory left it, with the masks of the factory.
        without_values: The names of its parameters and buffers on the meta device.
        notes: Changes of the module, for people.
        is_converted: Whether bfloat16 parameters became float32.
    """

    module: nn.Module
    state: State
    without_values: tuple[str, ...]
    notes: tuple[str, ...]
    is_converted: bool


def prepare_module(module: nn.Module, dry_run: Callable[[nn.Module], object]) -> Prepared:
    """Take wrappers and masks off ``module``, and give every tensor memory of its own.

    Args:
        module: The module of a factory.
        dry_run: Runs the module once, which gives lazy parameters their shapes.

    Raises:
        RefusedError: If a parameter is sparse, complex or quantised.
    """
    import torch

    notes: list[str] = []
    module = _take_off_wrappers(module, notes)
    if _has_lazy_parameters(module):
        dry_run(module.eval())
        _replace_tensors(module, torch.Tensor.is_inference, torch.clone)  # nothing can train these
        notes.append("lazy parameters got their shapes from a dry run on load.inputs")
    _refuse_unsupported(module)
    is_converted = convert_bfloat16(module)
    if is_converted:
        notes.append("bfloat16 parameters converted to float32: the values are exact")
    _own_memory(module, notes)
    without_values = tuple(name for name, tensor in _named_tensors(module) if tensor.is_meta)
    state = dict(module.state_dict())
    for place in list(pruned_parameters(module)):
        lift_mask(place)
    if without_values:
        _replace_tensors(
            module, lambda tensor: tensor.is_meta, lambda t: torch.zeros_like(t, device="cpu")
        )
    else:
        module.to("cpu")
    return Prepared(module, state, without_values, tuple(notes), is_converted)


def convert_bfloat16(module: nn.Module) -> bool:
    """Convert the bfloat16 parameters and buffers of ``module``; return whether there were any.

    onnxruntime has no bfloat16 kernels on the CPU. Each bfloat16 value is a float32 value.
    """
    import torch

    tensors = (*module.parameters(), *module.buffers())
    found = any(tensor.dtype == torch.bfloat16 for tensor in tensors)
    if found:
        module._apply(lambda tensor: tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
    return found


def _take_off_wrappers(module: nn.Module, notes: list[str]) -> nn.Module:
    """Return the module inside DataParallel, torch.compile's wrapper and the like, at any depth."""
    while (inner := _find_inner(module)) is not None:
        notes.append(f"{type(module).__name__} taken off")
        module = inner
    for name, child in module.named_children():
        plain = _take_off_wrappers(child, notes)
        if plain is not child:
            setattr(module, name, plain)
    module._compiled_call_impl = None  # left by module.compile()
    return module


def _find_inner(module: nn.Module) -> nn.Module | None:
    from torch import nn
    from torch._dynamo.eval_frame import OptimizedModule
    from torch.optim.swa_utils import AveragedModel

    inner: Any = None
    if isinstance(module, OptimizedModule):
        inner = module._orig_mod
    elif isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel | AveragedModel):
        inner = module.module
    return inner if isinstance(inner, nn.Module) else None


def _has_lazy_parameters(module: nn.Module) -> bool:
    from torch.nn.parameter import is_lazy

    return any(is_lazy(tensor) for _, tensor in _named_tensors(module))


def _replace_tensors(
    module: nn.Module,
    is_unusable: Callable[[torch.Tensor], bool],
    make: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    """Put ``make(tensor)`` in the place of unusable ones; tied tensors stay tied."""
    from torch import nn

    made: dict[int, torch.Tensor] = {}
    for layer in module.modules():
        for held in (layer._parameters, layer._buffers):
            for name, tensor in held.items():
                if tensor is None or not is_unusable(tensor):
                    continue
                if id(tensor) not in made:
                    fresh, is_parameter = make(tensor.detach()), isinstance(tensor, nn.Parameter)
                    made[id(tensor)] = (
                        nn.Parameter(fresh, tensor.requires_grad) if is_parameter else fresh
                    )
                held[name] = made[id(tensor)]  # type: ignore[assignment]


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _refuse_unsupported(module: nn.Module) -> None:
    """Refuse parameters that no stage can prune or export.

    Raises:
        RefusedError: If a layer is quantised, or a parameter is sparse or complex.
    """
    import torch

    quantised = {name: layer for name, layer in module.named_modules() if _is_quantised(layer)}
    if quantised:
        outer = [n for n in quantised if not any(n.startswith(f"{o}.") for o in quantised)]
        names = ", ".join(f"`{name or '(the model itself)'}`" for name in outer)
        kinds = dict.fromkeys(quantised[name]._get_name() for name in outer)
        many = len(outer) > 1
        raise RefusedError(
            f"layer{'s' if many else ''} {names} {'are' if many else 'is'} quantised: there are no "
            "float weights to prune",
            expected="a float model",
            found=", ".join(kinds),
            hint="Prune the float model and quantise what comes out",
        )
    for name, parameter in module.named_parameters():
        if parameter.layout != torch.strided:
            raise RefusedError(
                f"parameter `{name}` is sparse ({str(parameter.layout).removeprefix('torch.')})",
                expected="a dense layout",
                hint="Return the model with parameter.to_dense(): prunepack stores zeros sparsely "
                "itself",
            )
        if parameter.is_complex():
            raise RefusedError(
                f"parameter `{name}` is complex, which onnxruntime cannot run",
                expected="real numbers",
                found=str(parameter.dtype).removeprefix("torch."),
                hint="Hold its real and imaginary parts as two parameters",
            )


def _is_quantised(layer: nn.Module) -> bool:
    import torch

    home = type(layer).__module__
    if home.startswith(("torch.ao.nn.quantized", "torch.nn.quantized", "bitsandbytes.nn")):
        return True
    own = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    return any(
        tensor.is_quantized or (type(tensor).__module__ or "").startswith("torchao")
        for tensor in own
        if isinstance(tensor, torch.Tensor)
    )


def _own_memory(module: nn.Module, notes: list[str]) -> None:
    """Make every parameter and buffer contiguous, except the transpose of an earlier parameter.

    Tensors whose elements share memory, as those of ``expand`` do, get memory for each element.
    """
    import torch

    seen: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in _named_tensors(module):
        if tensor.is_meta:
            continue
        owner = seen.setdefault(tensor.data_ptr(), (name, tensor))
        if tensor.is_contiguous():
            continue
        if _is_transpose(owner[1], tensor):
            notes.append(f"`{name}` is `{owner[0]}` transposed: both share their memory")
            continue
        if tensor.numel() > tensor.untyped_storage().nbytes() // tensor.element_size():
            notes.append(f"`{name}` is an expanded view: each element gets memory of its own")
        with torch.no_grad():
            tensor.data = tensor.detach().clone(memory_format=torch.contiguous_format)


def _is_transpose(first: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether ``other`` is the contiguous matrix ``first``, transposed, in its memory."""
    return (
        first is not other
        and first.ndim == other.ndim == 2
        and first.is_contiguous()
        and first.shape == other.shape[::-1]
        and first.stride() == other.stride()[::-1]
    )
