"""Stages: named, pure steps from outputs of earlier stages to one output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Concatenate,
    Generic,
    ParamSpec,
    TypeAlias,
    TypeVar,
    get_args,
    get_type_hints,
)

from pydantic import BaseModel, ConfigDict

from prunepack.stages.contract.outputs import Output

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Config", "Facts", "Stage", "stage"]


class Config(BaseModel):
    """Base of every config: frozen, convertible to JSON, without undeclared fields.

    The description of a field is its ``--help`` text and its entry in the reference.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )


Facts: TypeAlias = Mapping[str, int | float | str | bool]
"""Values that a stage reports; ``summary`` is the line for people."""

C = TypeVar("C", bound=Config)
A = TypeVar("A", bound=Output)
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Stage(Generic[C, P, A]):
    """A step of the pipeline.

    ``body`` writes its files under the given empty folder and nowhere else, reads only its
    config and the outputs of earlier stages, and draws randomness only from a seed in its config.

    Attributes:
        name: The stage's verb: function, module, TOML table and CLI command.
        body: ``(config, out, *inputs) -> facts``.
        produces: The kinds of output that the stage may write.
        tools: The distributions whose versions can change the output.
        host_bound: Whether the output is valid only on the machine that made it.
        resumable: Whether the stage keeps intermediate state, from which it goes on after a kill.
    """

    name: str
    body: Callable[Concatenate[C, Path, P], Facts]
    produces: tuple[type[A], ...]
    tools: tuple[str, ...] = ()
    host_bound: bool = False
    resumable: bool = False

    @property
    def config_type(self) -> type[C]:
        """The class of the stage's config."""
        config: type[C] = get_type_hints(self.body)["config"]
        return config

    @property
    def inputs(self) -> dict[str, tuple[type[Output], ...]]:
        """The kinds of output that each input may be, in the order of the body's parameters."""
        hints = get_type_hints(self.body)
        names = [name for name in hints if name not in {"config", "out", "return"}]
        kinds = {name: get_args(hints[name]) or (hints[name],) for name in names}
        return {
            name: tuple(kind for kind in each if kind is not type(None))
            for name, each in kinds.items()
        }

    @property
    def optional_inputs(self) -> tuple[str, ...]:
        """The names of the inputs that may be None."""
        hints = get_type_hints(self.body)
        return tuple(name for name in self.inputs if type(None) in get_args(hints[name]))


def stage(
    *,
    name: str = "",
    produces: type[A] | tuple[type[A], ...],
    tools: tuple[str, ...] = (),
    host_bound: bool = False,
    resumable: bool = False,
) -> Callable[[Callable[Concatenate[C, Path, P], Facts]], Stage[C, P, A]]:
    """Turn a function into a :class:`Stage` named after it, or ``name`` for a variant of one."""
    kinds = produces if isinstance(produces, tuple) else (produces,)

    def wrap(body: Callable[Concatenate[C, Path, P], Facts]) -> Stage[C, P, A]:
        return Stage(name or body.__name__, body, kinds, tools, host_bound, resumable)

    return wrap
