"""Registry of pruning methods: one module per method, which defines ``METHOD``."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import getattr_static, signature
from typing import TYPE_CHECKING, Any, Literal

from prunepack.errors import UsageError
from prunepack.stages.calibration.statistics import KINDS as STATISTIC_KINDS
from prunepack.stages.calibration.statistics import NO_STATISTICS, Statistics
from prunepack.stages.contract.plugins import Registry
from prunepack.stages.contract.user_code import is_user_code, load_user_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from torch.nn.utils.prune import BasePruningMethod

    from prunepack.stages.calibration.statistics import StatisticKind
    from prunepack.stages.pruning.layers import Axis

__all__ = [
    "METHODS",
    "Method",
    "MethodOptions",
    "open_method",
]

KINDS = ("unstructured", "structured", "global")


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """Options of a pruning method; each method reads its own.

    Attributes:
        norm: The order of the norm that ranks channels, as ``torch.linalg`` names it.
        dim: The dimension whose slices are channels, or along which groups run.
        pattern: N:M, the weights to keep of each group of M.
        mask_file: A safetensors file with masks.
        keywords: Keyword arguments of a user's own class.
        statistics: Statistics on calibration samples.
    """

    norm: float | str = 2.0
    dim: int | None = None
    pattern: str = "2:4"
    mask_file: Path | None = None
    keywords: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    statistics: Statistics = NO_STATISTICS


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
        needs: The statistics on calibration samples that the method needs.
        score: ``(options, name, tensor) -> scores`` of the weights of ``tensor``, in its shape: the
            class prunes those of the lowest score. Pruned weights are zero in ``tensor``. None for
            a class that ranks by itself.
    """

    pruning_class: type[BasePruningMethod]
    arguments: Callable[[MethodOptions, str, torch.Tensor], Mapping[str, Any]] = _no_arguments
    scope: Literal["local", "global"] = "local"
    axis: Axis | None = None
    needs: tuple[StatisticKind, ...] = ()
    score: Callable[[MethodOptions, str, torch.Tensor], torch.Tensor] | None = None

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
    return _wrap_class(name, value)


def _wrap_class(name: str, value: type[BasePruningMethod]) -> Method:
    """Return the method of a user's class, which may ask for statistics by ``NEEDS``.

    They come as keyword arguments of its static method ``score(weight, ...)`` if it has one, else
    of its constructor.

    Raises:
        UsageError: If there are no statistics of a name in ``NEEDS``.
    """
    needs = tuple(getattr(value, "NEEDS", ()))
    if unknown := [need for need in needs if need not in STATISTIC_KINDS]:
        raise UsageError(
            f"`{name}` needs statistics that do not exist",
            expected=f"NEEDS to have names among {', '.join(STATISTIC_KINDS)}",
            found=", ".join(map(repr, unknown)),
        )

    def read_statistics(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:
        return {need: options.statistics.fit(need, name, tensor) for need in needs}

    def give_arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:
        return {**options.keywords, **read_statistics(options, name, tensor)}

    def compute_scores(options: MethodOptions, name: str, tensor: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = value.score(tensor, **read_statistics(options, name, tensor))  # type: ignore[attr-defined]
        return scores

    axis: Axis | None = "inputs" if {"norms", "products"} & set(needs) else None
    if isinstance(getattr_static(value, "score", None), staticmethod):
        return Method(value, _keywords, axis=axis, needs=needs, score=compute_scores)
    return Method(value, give_arguments, axis=axis, needs=needs)
