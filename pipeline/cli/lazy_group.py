"""Group of commands that imports a command when it is called, not before."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem

__all__ = ["LazyGroup", "Target"]


class Target(NamedTuple):
    """A command that is not imported yet.

    Attributes:
        path: ``package.module:attribute``.
        line: The first line of its help.
    """

    path: str
    line: str


class LazyGroup(click.Group):
    """A group that knows its commands by import path.

    Args:
        *args: As of ``click.Group``.
        sections: Title → command → its target, in the order of the help.
        **settings: As of ``click.Group``.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, Target]], **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self._sections = sections
        self._targets = {
            name: target for each in sections.values() for name, target in each.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click passes it
        """Return the names of all commands."""
        return list(self._targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command; None if there is none of that name."""
        if cmd_name not in self._targets:
            return None
        module, _, attribute = self._targets[cmd_name].path.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` begin with.

        Raises:
            UsageError: If there is none, with the nearest name.
        """
        if args and args[0] not in self._targets and not args[0].startswith("-"):
            from prunepack.errors import UsageError, quote
            from prunepack.stages.contract.plugins import suggest_name

            hint = suggest_name(args[0], self._targets)
            raise UsageError(f"no command is named {quote(args[0])}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands in their sections, without importing any."""
        for title, targets in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, target.line) for name, target in targets.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands, without importing any, and options."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=target.line)
            for name, target in self._targets.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)
