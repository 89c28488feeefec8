"""The reference in float64, whose outputs show the rounding errors of float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.models.running import run_module

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from prunepack.stages.comparison.forms import ModelForms
    from prunepack.stages.contract.arrays import Arrays

__all__ = ["PreciseForm"]


class PreciseForm:
    """The pruned torch model, computed in float64.

    Args:
        forms: The forms.

    Attributes:
        problem: The reason why the model cannot be computed in float64.
    """

    def __init__(self, forms: ModelForms) -> None:
        self._forms = forms
        self.problem = "" if "pruned" in forms.modules else "there is no torch model"

    def run(self, inputs: Arrays) -> Arrays | None:
        """Return the outputs in float64, or None where there is a problem."""
        if self.problem:
            return None
        import torch

        forms = self._forms
        try:
            with _compute_in_float64():
                return run_module(forms.modules["pruned"], inputs, forms.outputs, forms.paths)
        except Exception as error:  # noqa: BLE001 -- a user's model may fail in any way
            self.problem = type(error).__name__
            torch.compiler.reset()  # as torch.cond compiles itself for the mode
            return None


def _compute_in_float64() -> AbstractContextManager[object]:
    """Return a context in which every operator takes and returns float64 in place of float32."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_map

    def widen(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.double() if value.dtype == torch.float32 else value
        return torch.float64 if value is torch.float32 else value

    class Float64(TorchDispatchMode):
        def __torch_dispatch__(
            self, operator: Any, _types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = operator(*tree_map(widen, args), **tree_map(widen, kwargs or {}))
            return tree_map(widen, result)

    return Float64()  # type: ignore[no-untyped-call]  # torch's __init__ has no types
