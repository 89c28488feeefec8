"""Inputs of live models, and live models as checkpoints of the stages."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from prunepack.errors import UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.progress import collect_remarks, remark
from prunepack.stages.data.datasets import Data
from prunepack.stages.data.layout import Layout
from prunepack.stages.data.splits import Split
from prunepack.stages.models.binding import NAMED, bind_names
from prunepack.stages.models.examination import examine_model
from prunepack.stages.models.live import LiveModel
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.sources.preparation import prepare_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import Array, Arrays

    Value: TypeAlias = "torch.Tensor | Array"
    Inputs: TypeAlias = "Value | Sequence[Value] | Mapping[str, Value]"

__all__ = ["Inputs", "evaluating", "hold_module", "hold_samples", "name_inputs", "run_quietly"]


@contextmanager
def hold_module(module: nn.Module, inputs: Inputs) -> Iterator[LiveModel]:
    """Provide a copy of ``module`` on the CPU as a checkpoint, with samples of its inputs.

    Args:
        module: The module, which stays as it is.
        inputs: Samples, as in :func:`name_inputs`.

    Raises:
        UsageError: If the module has masks, or the inputs do not fit ``forward``.
        RefusedError: If the model cannot be carried through the stages.
    """
    masked = [place.name for place in pruned_parameters(module)]
    if masked:
        raise UsageError(
            "the model still has pruning masks",
            expected="permanent masks",
            found=f"masks on {len(masked)} parameters, such as `{masked[0]}`",
            hint="Call prunepack.finalize(model) first",
        )
    arrays = name_inputs(module, inputs)
    name = type(module).__name__
    prepared = prepare_module(copy.deepcopy(module), lambda m: compute_tensors(m, arrays))
    with TemporaryDirectory() as folder:
        held = prepared.module.eval()
        given = _describe_inputs(arrays, Path(folder))
        with collect_remarks() as remarks:
            specs = examine_model(held, given, name, converted=prepared.is_converted)
        for text in (*prepared.notes, *remarks):
            if folder not in text:  # the file is ours, and the user knows the samples
                remark(text)
        spec = ModelSpec(model=name, inputs=specs, is_final=True)
        yield LiveModel(Path(), "", held, spec)


def name_inputs(module: nn.Module, inputs: Inputs) -> Arrays:
    """Return inputs as arrays by the names of the arguments of ``forward``.

    Args:
        module: The module.
        inputs: A tensor or an array; a tuple or a list of them, in the order of the arguments; or
            a mapping from the names of arguments. The first axis is the batch.

    Raises:
        UsageError: If they are something else, or do not bind to the arguments.
    """
    if isinstance(inputs, Mapping):
        named = {str(name): value for name, value in inputs.items()}
    else:
        values: list[Any] = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
        named = dict(zip(_list_names(module, len(values)), values, strict=True))
    arrays = {name: _to_array(name, value) for name, value in named.items()}
    bind_names(module, tuple(arrays))
    return arrays


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put the module in evaluation mode inside the block; modes and gradients stay afterwards."""
    modes = {part: part.training for part in module.modules()}
    frozen = {
        name.removesuffix("_orig") for name, p in module.named_parameters() if not p.requires_grad
    }
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
        for name, parameter in module.named_parameters():
            is_float = parameter.is_floating_point()
            parameter.requires_grad_(is_float and name.removesuffix("_orig") not in frozen)


def run_quietly(module: nn.Module, arrays: Arrays) -> list[torch.Tensor]:
    """Return copies of the outputs in evaluation mode; none without inputs.

    Raises:
        RefusedError: If the module fails on the inputs.
    """
    if not arrays:
        return []
    with evaluating(module):
        return [tensor.clone() for tensor in compute_tensors(module, arrays)]


def hold_samples(arrays: Arrays, labels: object) -> Data:
    """Return samples, and labels if there are any, as the training split of a dataset."""
    answers = None if labels is None else _to_array("labels", labels)
    layout = Layout(tuple(_describe_inputs(arrays)), "inputs")
    split = Split(arrays, answers, layout)
    return Data(test=split, train=split)


def _list_names(module: nn.Module, count: int) -> list[str]:
    """Return names for inputs by position."""
    parameters = inspect.signature(module.forward).parameters.values()
    names = [entry.name for entry in parameters if entry.kind in NAMED][:count]
    return [*names, *(f"input_{number}" for number in range(len(names), count))]


def _to_array(name: str, value: Any) -> Array:
    """Return a tensor or an array as an array; a bfloat16 tensor becomes float32, exactly."""
    import torch

    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        value = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if not isinstance(value, np.ndarray):
        raise UsageError(
            f"the input `{name}` is a {type(value).__name__}",
            expected="a torch tensor or a numpy array, with the batch as first axis",
            hint="Pass tensors alone, in a tuple, or in a dictionary by argument of forward()",
        )
    if not value.size:
        raise UsageError(
            f"the input `{name}` is empty",
            expected="one sample or more",
            found=f"shape {list(value.shape)}",
        )
    return value


def _describe_inputs(arrays: Arrays, folder: Path | None = None) -> list[InputSpec]:
    """Return the inputs, with their samples in files if there is a folder for them."""
    count = next((array.shape[0] for array in arrays.values() if array.ndim), 0)
    specs = [_describe_input(*item, count) for item in arrays.items()]
    if folder is None:
        return specs
    files = [folder / f"{number}.npy" for number in range(len(specs))]
    for file, array in zip(files, arrays.values(), strict=True):
        np.save(file, array)
    pairs = zip(specs, files, strict=True)
    return [spec.model_copy(update={"file": file}) for spec, file in pairs]


def _describe_input(name: str, array: Array, count: int) -> InputSpec:
    is_batched = array.shape[:1] == (count,)
    if not is_batched:
        remark(f"input `{name}` has no batch axis: its first axis is not that of the first input")
    try:
        return InputSpec(
            name=name,
            shape=array.shape[is_batched:],
            dtype=array.dtype.name,
            batch_axis=0 if is_batched else "none",
        )
    except ValidationError as error:
        raise UsageError(
            f"the input `{name}` cannot be an input of an ONNX model",
            expected="numbers or booleans",
            found=str(array.dtype),
            hint="Convert it with tensor.to(torch.float32), or leave it out",
        ) from error
