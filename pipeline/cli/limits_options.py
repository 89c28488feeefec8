"""Options of every command that opens a model or an artifact: the limits of readers."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from prunepack.format.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["limits_options"]

HEADER_BYTES_PER_TENSOR = 512
"""Bytes of the header that a tensor is allowed if ``--max-tensors`` is raised."""


def limits_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--max-tensors`` and ``--max-files`` to a command, which gets them as ``limits``."""

    @wraps(function)
    def call(*args: Any, max_tensors: int, max_files: int, **options: Any) -> Any:
        header = max(Limits().header_bytes, HEADER_BYTES_PER_TENSOR * max_tensors)
        limits = Limits(header_bytes=header, tensors=max_tensors, files=max_files)
        return function(*args, limits=limits, **options)

    return _limit_option(_limit_option(call, "files"), "tensors")


def _limit_option(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    option = click.option(
        f"--max-{name}",
        type=click.IntRange(min=1),
        default=getattr(Limits(), name),
        show_default=True,
        help=f"Refuse a model with more {name}; raise it for a source that you trust.",
    )
    return option(function)
