"""The pruning methods; one module each, which defines ``METHOD``."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import Registry
from prunepack.stages.contract.user_code import is_reference, load_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch.nn.utils.prune import BasePruningMethod

    from prunepack.stages.pruning.rules import Rule

__all__ = ["METHODS", "Method", "method_of"]


def _no_arguments(rule: Rule, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    return {}


def _options(rule: Rule, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    return dict(rule.options)


@dataclass(frozen=True, slots=True)
class Method:
    """A pruning method in the terms of ``torch.nn.utils.prune``.

    Attributes:
        pruning_class: What computes the mask. Its ``PRUNING_TYPE`` says what an amount counts,
            and whether the method can prune several tensors together.
        arguments: ``(rule, name, tensor) -> keyword arguments`` of the class beside the amount,
            where ``name`` is the parameter's name in the state dict and ``tensor`` the parameter.
        scope: What a rule's scope ``auto`` means for it.
    """

    pruning_class: type[BasePruningMethod]
    arguments: Callable[[Rule, str, torch.Tensor], Mapping[str, Any]] = _no_arguments
    scope: Literal["local", "global"] = "local"

    @property
    def kind(self) -> str:
        """What the method ranks.

        ``unstructured``: single weights, wherever they are; ``structured``: channels along a
        dimension; ``global``, in torch's words: something of its own that needs the whole tensor.
        """
        kind: str = self.pruning_class.PRUNING_TYPE  # type: ignore[attr-defined]
        return kind

    @property
    def takes_amount(self) -> bool:
        """Whether the class is told how much to prune."""
        return "amount" in signature(self.pruning_class).parameters


METHODS: Registry[Method] = Registry("pruning method", "prunepack.stages.pruning.methods", "METHOD")


def method_of(name: str) -> Method:
    """Return a built-in method, or one around the user's own ``BasePruningMethod``.

    Raises:
        UsageError: If there is none, or it is not a pruning method.
    """
    if not is_reference(name):
        return METHODS[name]
    from torch.nn.utils.prune import BasePruningMethod

    found = load_reference(name)
    if not (isinstance(found, type) and issubclass(found, BasePruningMethod)):
        raise UsageError(
            f"{name} is not a pruning method",
            expected="a subclass of torch.nn.utils.prune.BasePruningMethod",
            found=f"{found!r:.80}",
        )
    kinds = ("unstructured", "structured", "global")
    kind = getattr(found, "PRUNING_TYPE", None)
    if kind not in kinds:
        raise UsageError(
            f"{name} does not say what it ranks",
            expected=f"PRUNING_TYPE to be one of {', '.join(kinds)}",
            found=repr(kind),
            hint="Set PRUNING_TYPE in the body of the class.",
        )
    return Method(found, _options)
