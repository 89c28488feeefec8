"""Side effects of user code, kept away from later stages."""

from __future__ import annotations

import ctypes
import os
import random
import sys
import warnings
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["contain_effects"]


@contextmanager
def contain_effects() -> Iterator[None]:
    """Restore what user code may change in the process, and send its prints to stderr.

    Restored are the working folder, the random states of Python, numpy and torch, numpy's handling
    of errors, and torch's default dtype, default device and gradient mode. Warnings do not stay
    errors. Stdout belongs to results, and the words of the command line to prunepack.
    """
    folder = os.getcwd()  # noqa: PTH109 -- a Path would be slower and no clearer
    words = sys.argv
    sys.argv = words[:1]
    with (
        redirect_stdout(sys.stderr),
        _redirect_descriptor(),
        _drop_warnings_as_errors(),
        _keep_random_states(),
        _keep_torch_modes(),
    ):
        try:
            yield
        finally:
            sys.argv = words
            os.chdir(folder)


@contextmanager
def _redirect_descriptor() -> Iterator[None]:
    """Send to stderr what native code and child processes write to stdout."""
    try:
        saved = os.dup(1)
    except OSError:  # the process has no stdout
        yield
        return
    if sys.__stdout__ is not None and not sys.__stdout__.closed:
        sys.__stdout__.flush()
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        _flush_native_buffers()
        os.dup2(saved, 1)
        os.close(saved)


def _flush_native_buffers() -> None:
    """Write out what C code has printed so far; a pipe would get it when the process ends."""
    with suppress(OSError, TypeError, AttributeError):  # Windows has no library without a name
        ctypes.CDLL(None).fflush(None)


@contextmanager
def _drop_warnings_as_errors() -> Iterator[None]:
    """Remove the filters of the block that make errors of warnings; silence may stay."""
    before = [*warnings.filters]
    try:
        yield
    finally:
        warnings.filters[:] = [f for f in warnings.filters if f[0] != "error" or f in before]  # type: ignore[index]


@contextmanager
def _keep_random_states() -> Iterator[None]:
    """Restore random states, and numpy's handling of errors."""
    python = random.getstate()
    numpy = sys.modules.get("numpy")
    torch = sys.modules.get("torch")
    numpy_state = numpy.random.get_state() if numpy else None
    numpy_errors = numpy.geterr() if numpy else {}
    torch_state = torch.random.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(python)
        if numpy:
            numpy.random.set_state(numpy_state)
            numpy.seterr(**numpy_errors)
        if torch:
            torch.random.set_rng_state(torch_state)


@contextmanager
def _keep_torch_modes() -> Iterator[None]:
    """Restore torch's modes; they are torch's own defaults if the block imports torch."""
    torch = sys.modules.get("torch")
    dtype = torch.get_default_dtype() if torch else None
    device = torch.get_default_device() if torch else None
    has_gradients = torch.is_grad_enabled() if torch else True
    try:
        yield
    finally:
        torch = sys.modules.get("torch")
        if torch:
            torch.set_default_dtype(dtype or torch.float32)
            torch.set_grad_enabled(has_gradients)
            if torch.get_default_device() != (device or torch.device("cpu")):
                torch.set_default_device(device)
