"""Choice of an execution provider for a model; no silent fallback to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from prunepack.errors import UsageError
from prunepack.stages.runtime.session_options import CPU, CUDA
from prunepack.stages.runtime.sessions import open_onnx_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.stages.runtime.sessions import Session


__all__ = ["Provider", "choose_providers", "count_mismatches"]


Provider = Literal["auto", "cpu", "cuda"]
"""auto: CUDA if a session gets it, else the CPU; cuda: CUDA for every node."""


def choose_providers(choice: Provider, model: Path) -> list[str]:
    """Return the execution providers that ``choice`` means for ``model`` on this machine.

    onnxruntime lists CUDA wherever it was built with CUDA, and falls back to the CPU without an
    error if there is no device, so this opens a session to see what it gets. If CUDA was requested
    by name, it is the only provider: its session refuses a model with a node that only the CPU
    can run.

    Raises:
        UsageError: If CUDA is requested and not available.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if choice == "cpu" or (choice == "auto" and CUDA not in available):
        return [CPU]
    got = [] if CUDA not in available else open_onnx_session(model, [CUDA, CPU]).get_providers()
    if CUDA in got:
        return [CUDA] if choice == "cuda" else [CUDA, CPU]
    if choice == "auto":
        return [CPU]
    raise UsageError(
        "the CUDA execution provider cannot be used",
        expected=f"a session on {CUDA}",
        found=" and ".join(got) or f"an onnxruntime with {', '.join(available)} only",
        hint="Install onnxruntime-gpu and a CUDA driver with its device, or choose provider cpu",
    )


def count_mismatches(wanted: Sequence[str], *sessions: Session) -> tuple[int, str]:
    """Return how many sessions did not get the first provider, and the providers they got."""
    got = [session.get_providers()[0] for session in sessions]
    count = sum(provider != wanted[0] for provider in got)
    return count, f"{wanted[0]}; got {', '.join(sorted(set(got)))}"
