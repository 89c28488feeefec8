"""Execution providers of a session: choice, and check of those in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from prunepack.arguments import Kind
from prunepack.errors import UsageError

if TYPE_CHECKING:
    from prunepack.runtime.ort_types import Provider


__all__ = [
    "CPU",
    "PROVIDERS",
    "check_used_providers",
    "choose_providers",
    "name_provider",
    "require_cpu",
]


CPU = "CPUExecutionProvider"


def _are_providers(values: object) -> bool:
    is_list = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    return is_list and all(map(_is_provider, cast("Sequence[object]", values)))


def _is_provider(value: object) -> bool:
    name = value[0] if isinstance(value, tuple) and len(value) == 2 else value
    return isinstance(name, str)


PROVIDERS = Kind(
    "a list of names, or of pairs of a name and options",
    _are_providers,
    'Pass the providers in a list, such as ["CPUExecutionProvider"]',
)
"""Execution providers as an argument of a call."""


def name_provider(provider: Provider) -> str:
    """Return the name of a provider, which may come with options."""
    return provider if isinstance(provider, str) else provider[0]


def choose_providers(
    requested: Sequence[Provider] | None, available: Sequence[str]
) -> Sequence[Provider]:
    """Return the providers to request from onnxruntime; refuse those that it does not have."""
    if requested is None:
        return sorted(available, key=lambda name: name == CPU)
    if missing := [name for name in map(name_provider, requested) if name not in available]:
        raise UsageError(
            f"onnxruntime has no provider {', '.join(missing)}",
            expected=f"any of {', '.join(available)}",
            hint="Choose one of these, or install the onnxruntime that has it",
        )
    return requested


def check_used_providers(requested: Sequence[Provider], used: Sequence[str]) -> None:
    """Refuse a session that does not use every requested provider."""
    if missing := [name for name in map(name_provider, requested) if name not in used]:
        raise UsageError(
            f"provider {', '.join(missing)} cannot be used on this machine",
            expected=", ".join(map(name_provider, requested)),
            found=", ".join(used),
            hint="Install the libraries of the provider, or choose another provider",
        )


def require_cpu(requested: Sequence[Provider] | None) -> Sequence[Provider]:
    """Return the CPU as the only provider; refuse others, which have no sparse kernels."""
    others = [name for name in map(name_provider, requested or ()) if name != CPU]
    if others:
        raise UsageError(
            f"sparse kernels run on the CPU, not with provider {', '.join(others)}",
            hint='Omit `providers`, or choose sparse="off"',
        )
    return [CPU]
