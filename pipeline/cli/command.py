"""Shared decorators of the commands: console, output, replacement, JSON.

A command is a function under :func:`command`; its docstring is the help::

    @command(example="prunepack unpack x.prunepack -o folder")
    @input_argument("artifact")
    @output_option
    @force_option
    @json_option
    @click.pass_obj
    def unpack_command(console: Console, artifact: Path, ...) -> None:
        \"\"\"Restore the packed files, byte for byte.\"\"\"
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunepack.pipeline.cli.console import Console
from prunepack.stages.contract.progress import reporting_to

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PATH",
    "Command",
    "artifacts_option",
    "command",
    "force_option",
    "input_argument",
    "json_option",
    "output_option",
    "settings_option",
]

PATH = click.Path(path_type=Path)
"""A file or folder; completion completes both."""
FOLDER = click.Path(path_type=Path, file_okay=False)

output_option = click.option(
    "-o", "--output", type=PATH, required=True, metavar="PATH", help="The file or folder to write."
)
force_option = click.option("--force", is_flag=True, help="Replace the output if it exists.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
artifacts_option = click.option(
    "--artifacts",
    type=FOLDER,
    default="artifacts",
    show_default=True,
    metavar="DIR",
    help="Folder that holds the results of runs.",
)
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Change a setting of the recipe.  [repeatable]",
)
_QUIET = click.Option(["-q", "--quiet"], is_flag=True, help="Show results and errors only.")
_VERBOSE = click.Option(
    ["-v", "--verbose"], is_flag=True, help="Show details, and the traceback of a bug."
)


class Command(click.Command):
    """A command with ``-q`` and ``-v`` whose progress goes to a console, which is ``ctx.obj``.

    Attributes:
        example: A command line that a test runs; it ends the help.
    """

    def __init__(self, *args: Any, example: str, **settings: Any) -> None:
        settings["params"] = [*(settings.get("params") or ()), _QUIET, _VERBOSE]
        settings.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        settings["epilog"] = f"Example: {example}"
        super().__init__(*args, **settings)
        self.example = example

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command with its progress shown on a console."""
        quiet, verbose = ctx.params.pop("quiet"), ctx.params.pop("verbose")
        ctx.obj = Console(quiet=quiet, verbose=verbose)
        with reporting_to(ctx.obj):
            return super().invoke(ctx)


def command(*, example: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Return a decorator that makes a function a :class:`Command`.

    Args:
        example: A command line that a test runs.
        **settings: As of ``click.command``.
    """
    return click.command(cls=Command, example=example, **settings)


def input_argument(name: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a decorator that adds an argument for the path of a file or folder."""
    return click.argument(name, **{"type": PATH, **settings})
