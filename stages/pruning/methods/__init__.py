"""Registry of pruning methods: one module per method, which defines ``METHOD``."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import Registry
from prunepack.stages.contract.user_code import is_user_code, load_user_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from torch.nn.utils.prune import BasePruningMethod

    from prunepack.stages.pruning.layers import Axis

__all__ = [
    "METHODS",
    "NO_INPUTS",
    "LayerInputs",
    "Method",
    "MethodOptions",
    "find_input_norms",
    "find_input_products",
    "open_method",
]

KINDS = ("unstructured", "structured", "global")


@dataclass(frozen=True, slots=True)
class LayerInputs:
    """Statistics of the inputs of layers on calibration samples, by the name of the weight.

    Attributes:
        norms: L2 norms: (inputs,), or (groups, inputs / groups) for a convolution.
        products: Mean products of pairs, (inputs, inputs), of linear layers; about the mean if the
            layer has a bias, which can make up for a change of the mean.
    """

    norms: Mapping[str, torch.Tensor] = field(default_factory=dict)
    products: Mapping[str, torch.Tensor] = field(default_factory=dict)


NO_INPUTS = LayerInputs()


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """Options of a pruning method; each method reads its own.

    Attributes:
        norm: The order of the norm that ranks channels, as ``torch.linalg`` names it.
        dim: The dimension whose slices are channels, or along which groups run.
        pattern: N:M, the weights to keep of each group of M.
        mask_file: A safetensors file with masks.
        keywords: Keyword arguments of a user's own class.
        inputs: Statistics of the inputs of the layers.
    """

    norm: float | str = 2.0
    dim: int | None = None
    pattern: str = "2:4"
    mask_file: Path | None = None
    keywords: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    inputs: LayerInputs = NO_INPUTS


def _no_arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    return {}


def _keywords(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    return dict(options.keywords)


@dataclass(frozen=True, slots=True)
class Method:
    """A pruning method in the terms of ``torch.nn.utils.prune``.

    Attributes:
        pruning_class: The class that computes the mask. Its ``PRUNING_TYPE`` says what an amount
            counts, and whether the method can prune several tensors together.
        arguments: ``(options, name, tensor) -> keyword arguments`` of the class, without the
            amount; ``name`` is the state-dict name of the parameter ``tensor``.
        scope: The scope that a rule's ``auto`` means.
        axis: The dimension that the method works along unless a rule names one: it then gets a
            weight as (outputs, inputs, …), whatever the layer's own order; None for a method that
            does not depend on the order.
        inputs: The statistics of the layer's inputs that the method needs; None without them.
    """

    pruning_class: type[BasePruningMethod]
    arguments: Callable[[MethodOptions, str, torch.Tensor], Mapping[str, Any]] = _no_arguments
    scope: Literal["local", "global"] = "local"
    axis: Axis | None = None
    inputs: Literal["norms", "products"] | None = None

    @property
    def kind(self) -> str:
        """The unit that the method ranks.

        ``unstructured``: single weights; ``structured``: channels along a dimension; ``global``,
        in torch's words: a unit of its own, which needs the whole tensor.
        """
        kind: str = self.pruning_class.PRUNING_TYPE  # type: ignore[attr-defined]
        return kind

    @property
    def takes_amount(self) -> bool:
        """Whether the class has an argument ``amount``."""
        return "amount" in signature(self.pruning_class).parameters


METHODS: Registry[Method] = Registry("pruning method", "prunepack.stages.pruning.methods", "METHOD")


def find_input_norms(options: MethodOptions, name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return the input norms of the weight ``tensor``, in a shape that multiplies with it.

    Args:
        options: The options with all norms.
        name: The name of the weight.
        tensor: The weight, (outputs, inputs, …).

    Raises:
        UsageError: If its layer has none.
    """
    norms = options.inputs.norms.get(name)
    if norms is None:
        raise _explain_no_inputs(name, "a linear layer or a convolution")
    groups = norms if norms.ndim == 2 else norms[None]
    rows = groups.repeat_interleave(tensor.shape[0] // len(groups), 0)
    return rows.reshape(*rows.shape, *[1] * (tensor.ndim - 2))


def find_input_products(options: MethodOptions, name: str) -> torch.Tensor:
    """Return the mean products of the inputs of the weight ``name``.

    Raises:
        UsageError: If its layer has none.
    """
    products = options.inputs.products.get(name)
    if products is None:
        raise _explain_no_inputs(name, "a linear layer")
    return products


def _explain_no_inputs(name: str, layer: str) -> UsageError:
    return UsageError(
        f"the inputs of the layer of `{name}` are not known",
        expected=f"{layer} that runs on the calibration samples",
        found="none",
        hint="Leave the layer out with prune.exclude, or prune it by a rule of its own",
    )


def open_method(name: str) -> Method:
    """Return a built-in method, or a method for the user's own ``BasePruningMethod``.

    Raises:
        UsageError: If there is no such method, or it is not a pruning method.
    """
    if not is_user_code(name):
        return METHODS[name]
    from torch.nn.utils.prune import BasePruningMethod

    value = load_user_code(name)
    if not (isinstance(value, type) and issubclass(value, BasePruningMethod)):
        raise UsageError(
            f"`{name}` is not a pruning method",
            expected="a subclass of torch.nn.utils.prune.BasePruningMethod",
            found=f"{value!r:.80}",
        )
    kind = getattr(value, "PRUNING_TYPE", None)
    if kind not in KINDS:
        raise UsageError(
            f"`{name}` does not say what it ranks",
            expected=f"PRUNING_TYPE to be one of {', '.join(KINDS)}",
            found=repr(kind),
            hint="Set PRUNING_TYPE in the body of the class",
        )
    return Method(value, _keywords)
