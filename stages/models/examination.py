"""Examination of a model before the first stage: inputs, outputs, mode, determinism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.arrays import refuse_non_finite
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.progress import remark
from prunepack.stages.data.input_values import read_sample_file
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.axis_sizes import choose_sizes
from prunepack.stages.models.binding import bind_names
from prunepack.stages.models.output_tree import flatten_result, select_tensors
from prunepack.stages.models.running import call_module, compute_result, compute_tensors

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import Arrays

__all__ = [
    "are_equal",
    "check_determinism",
    "check_finite",
    "check_mode",
    "examine_model",
]


def examine_model(
    module: nn.Module, inputs: Sequence[InputSpec], model: str, *, converted: bool = False
) -> tuple[InputSpec, ...]:
    """Run the model on samples of its inputs, and return the inputs with sizes for dynamic axes.

    Args:
        module: The module in evaluation mode.
        inputs: Its inputs as the user declares them.
        model: Its name, for messages.
        converted: Whether bfloat16 parameters became float32.

    Raises:
        UsageError: If the inputs do not fit ``forward``.
        RefusedError: If the model cannot be carried through the stages.
    """
    import torch

    check_mode(module)
    check_finite(module)
    _tell_batch_statistics(module)
    usable = tuple(_read_file(_convert_input(spec)) for spec in inputs)
    _tell_bindings(module, usable)
    with torch.random.fork_rng(devices=[]):
        try:
            usable = choose_sizes(module, usable, model)
        except UsageError as error:
            if converted and isinstance(error.__cause__, RefusedError):
                raise _refuse_bfloat16(error) from error
            raise
        arrays = random_inputs(usable, 2, 0)
        _check_outputs(module, arrays)
        _tell_changed_inputs(module, arrays)
        check_determinism(module, arrays)
    return usable


def _refuse_bfloat16(error: UsageError) -> RefusedError:
    return RefusedError(
        "the model computes in bfloat16, which onnxruntime cannot run on the CPU",
        expected="a forward() that also runs with float32 parameters",
        found=error.found,
        hint="Return model.float() from the factory and remove .bfloat16() from forward()",
    )


def check_mode(module: nn.Module) -> None:
    """Refuse a layer that stays in training mode after ``eval()``.

    Raises:
        RefusedError: If there is one.
    """
    for name, layer in module.named_modules():
        if layer.training:
            raise RefusedError(
                f"layer `{name}` stays in training mode after eval()"
                if name
                else "the model stays in training mode after eval()",
                expected="no layer in training mode",
                found=type(layer).__name__,
                hint="Let train(mode) pass its mode on to every layer",
            )


def _tell_batch_statistics(module: nn.Module) -> None:
    """Name the BatchNorm layers without running statistics, which use those of the batch."""
    from torch.nn.modules.batchnorm import _BatchNorm

    for name, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is None:
            remark(
                f"layer `{name}` normalises by the statistics of its batch, also after eval(): "
                "the answer to a sample depends on the others (track_running_stats=False)"
            )


def check_finite(module: nn.Module) -> None:
    """Refuse NaN and infinity among the parameters.

    Raises:
        RefusedError: If a parameter is not finite.
    """
    for name, parameter in module.named_parameters():
        if parameter.is_meta or not parameter.is_floating_point():
            continue
        refuse_non_finite(name, int((~parameter.detach().isfinite()).sum()))


def check_determinism(module: nn.Module, inputs: Arrays) -> None:
    """Refuse a model that gives two answers to the same inputs.

    Raises:
        RefusedError: If its ``forward`` draws random numbers, or keeps state between calls.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        first = [tensor.clone() for tensor in compute_tensors(module, inputs)]
        second = compute_tensors(module, inputs)
        if are_equal(first, second):
            return
        torch.manual_seed(0)
        first = [tensor.clone() for tensor in compute_tensors(module, inputs)]
        torch.manual_seed(0)
        is_random = are_equal(first, compute_tensors(module, inputs))
    cause, hint = (
        (
            "its forward() draws random numbers",
            "Pass training=self.training to dropout, or take the random numbers out of forward()",
        )
        if is_random
        else (
            "its forward() depends on earlier calls",
            "Pass the state as an input, and return the new one as an output",
        )
    )
    raise RefusedError(
        f"the model answers differently each time: {cause}",
        expected="equal outputs for equal inputs",
        hint=hint,
    )


def are_equal(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> bool:
    """Return whether tensors are equal element by element; NaN equals NaN here."""
    return len(first) == len(second) and all(
        a.shape == b.shape and a.dtype == b.dtype and bool(((a == b) | ((a != a) & (b != b))).all())  # noqa: PLR0124 -- NaN
        for a, b in zip(first, second, strict=True)
    )


def _convert_input(spec: InputSpec) -> InputSpec:
    if spec.dtype != "bfloat16":
        return spec
    remark(f"input `{spec.name}` is float32 in place of bfloat16")
    return spec.model_copy(update={"dtype": "float32"})


def _tell_bindings(module: nn.Module, inputs: Sequence[InputSpec]) -> None:
    """Bind the inputs to arguments, and tell a guess."""
    for name, argument in bind_names(module, [spec.name for spec in inputs]).guessed.items():
        if name != InputSpec.model_fields["name"].default:
            remark(f"input `{name}` is the argument `{argument}` of forward()")


def _read_file(spec: InputSpec) -> InputSpec:
    """Return the input with the sizes of the samples in its file, and tell their number."""
    if spec.file is None:
        return spec
    shape = list(read_sample_file(spec).shape)
    count = 1 if spec.batch_axis == "none" else shape.pop(spec.batch_axis)
    remark(f"input `{spec.name}` from `{spec.file}`: {count} samples")
    return spec.model_copy(update={"example": tuple(shape) if spec.axes else ()})


def _check_outputs(module: nn.Module, inputs: Arrays) -> None:
    """Refuse a model without a tensor in its result.

    Raises:
        RefusedError: If there is none.
    """
    result = compute_result(module, inputs)
    if not select_tensors(flatten_result(result)):
        raise RefusedError(
            "the model returns no tensor",
            expected="a tensor, or tensors in a tuple, a dictionary or a dataclass",
            found="None" if result is None else f"a {type(result).__name__}",
            hint="Return the outputs from forward()",
        )


def _tell_changed_inputs(module: nn.Module, inputs: Arrays) -> None:
    """Tell the inputs that ``forward`` changes in place."""
    import torch

    tensors = {name: torch.tensor(array) for name, array in inputs.items()}
    versions = {name: tensor._version for name, tensor in tensors.items()}
    with torch.no_grad():
        try:
            call_module(module, tensors)
        except Exception:  # noqa: BLE001 -- masks under torch.cond; the outputs were computed
            return
    for name, tensor in tensors.items():
        if tensor._version != versions[name]:
            remark(f"forward() changes its input `{name}` in place: each run gets a copy")
