"""What all commands share: ``-q``, ``-v``, a console, an example at the end of the help."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from prunepack.pipeline.cli.console import Console
from prunepack.stages.contract.progress import reporting_to

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ARTIFACTS", "FORCE", "JSON", "OUTPUT", "Verb", "show"]

OUTPUT = click.Option(
    ["-o", "--output"], type=str, required=True, metavar="PATH", help="Where the result goes; new."
)
ARTIFACTS = click.Option(
    ["--artifacts"], default="artifacts", show_default=True, metavar="DIR", help="The root of runs."
)
FORCE = click.Option(["--force"], is_flag=True, help="Replace the output if it exists.")
JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON.")
_QUIET = click.Option(["-q", "--quiet"], is_flag=True, help="Show results and errors only.")
_VERBOSE = click.Option(["-v", "--verbose"], is_flag=True, help="Say more of what is being done.")


class Verb(click.Command):
    """A command whose progress goes to a console; ``example`` ends its help."""

    def __init__(self, name: str, *, example: str, **settings: Any) -> None:
        settings["params"] = [*settings.get("params", ()), _QUIET, _VERBOSE]
        super().__init__(name, epilog=f"Example: {example}", **settings)
        self.example = example

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command with its progress shown on a console, which is ``ctx.obj``."""
        quiet, verbose = ctx.params.pop("quiet"), ctx.params.pop("verbose")
        ctx.obj = Console(quiet=quiet, verbose=verbose)
        with reporting_to(ctx.obj):
            return super().invoke(ctx)


def show(text: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result on stdout, as text or as one JSON object."""
    click.echo(json.dumps(dict(facts), ensure_ascii=False) if as_json else text)
