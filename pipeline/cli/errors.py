"""Errors at the terminal: one form and one exit code for each kind of failure."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunepack.errors import PrunepackError, UsageError
from prunepack.pipeline.cli.console import escape_controls, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["InternalError", "format_error", "report_failure"]

BUILD_SIDE = (
    "filelock",
    "onnx",
    "onnx_ir",
    "onnxruntime",
    "onnxscript",
    "platformdirs",
    "psutil",
    "pydantic",
    "safetensors",
    "scipy",
    "torch",
)
"""Packages that a plain install leaves out, because reading artifacts does not need them."""

LABEL_WIDTH = 9
"""Columns of the labels ``expected``, ``found`` and ``in``."""

OS_HINTS = {
    errno.ENOSPC: "Free some space or choose another folder; no file was harmed",
    errno.EROFS: "Choose a folder that can be written to",
    errno.EACCES: "Choose a path that you may use",
    errno.ENOENT: "Check the path",
}


class InternalError(PrunepackError):
    """A bug of prunepack."""


def report_failure(error: Exception, arguments: Sequence[str]) -> int:
    """Print ``error`` and return its exit code.

    Args:
        error: The exception that ended the command.
        arguments: The words of the command line; ``--json`` prints the error on stdout too, ``-v``
            shows the traceback of a bug, ``--github`` annotates outside GitHub Actions too.
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return 2
    failure = _as_failure(error)
    if isinstance(failure, InternalError) and {"-v", "--verbose"} & set(arguments):
        import traceback

        traceback.print_exception(error)
    if "--json" in arguments:
        print_json({"error": failure.to_json()})
    click.echo(format_error(failure), err=True)
    if _is_for_github(arguments):
        _tell_github(format_error(failure).removeprefix("error: "))
    return failure.exit_code


def _is_for_github(arguments: Sequence[str]) -> bool:
    on = "--github" in arguments or os.environ.get("GITHUB_ACTIONS") == "true"
    return on and "--no-github" not in arguments


def _tell_github(text: str) -> None:
    """Annotate the job with an error, and append it to the job's summary."""
    from prunepack.stages.reporting.github import append_failure, failure_command

    click.echo(failure_command(text), err=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with suppress(OSError):  # the error itself is told already
            append_failure(text, Path(summary))


def format_error(error: PrunepackError) -> str:
    """Return the fields of ``error`` on lines of their own."""
    lines = [f"error: {error.what}"]
    lines += _label_lines("expected", error.expected)
    lines += _label_lines("found", error.found)
    lines += _label_lines("in", " › ".join(error.where) or None)
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return escape_controls("\n".join(lines))


def _label_lines(label: str, value: str | None) -> Iterator[str]:
    """Yield the lines of ``value``, the first behind ``label``, the others below it."""
    if value is None:
        return
    for line in value.splitlines() or [""]:
        yield f"  {label:<{LABEL_WIDTH}}{line}".rstrip()
        label = ""


def _as_failure(error: Exception) -> PrunepackError:
    """Return ``error`` as one of ours."""
    if isinstance(error, PrunepackError):
        return error
    if isinstance(error, click.ClickException):
        return _from_click(error)
    if isinstance(error, ModuleNotFoundError) and error.name in BUILD_SIDE:
        return UsageError(
            f"this command needs the package `{error.name}`",
            found="it is not installed",
            hint="Run `pip install 'prunepack[build]'`",
        )
    if isinstance(error, OSError):
        return _from_system(error)
    return InternalError(
        f"a bug in prunepack: {type(error).__name__}: {error}",
        hint="Report it to the maintainers of prunepack, with the output of the same command "
        "with -v",
    )


def _from_click(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    hint = f"Run `{context.command_path} --help` for the usage" if context else None
    return UsageError(error.format_message().rstrip("."), hint=hint)


def _from_system(error: OSError) -> UsageError:
    reason = error.strerror or str(error)
    hint = OS_HINTS.get(error.errno or 0)
    if error.filename is None:
        return UsageError(f"the operating system refused an operation: {reason}", hint=hint)
    return UsageError(f"`{error.filename}` cannot be used", found=reason, hint=hint)
