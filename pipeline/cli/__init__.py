"""The command line: ``prunepack VERB INPUT -o OUTPUT``; every failure ends in one clear line."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from prunepack.pipeline.cli.errors import report_failure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMMANDS", "main", "prunepack", "run_command"]

COMMANDS = {
    "Pipeline": {
        "run": ("prunepack.pipeline.cli.commands.run", "Carry a model from weights to a verdict."),
        "explain": (
            "prunepack.pipeline.cli.commands.explain",
            "Say why each stage of the last run ran or not.",
        ),
        "gc": ("prunepack.pipeline.cli.commands.gc", "Delete what no recipe's last run needs."),
        "fetch": (
            "prunepack.pipeline.cli.commands.fetch",
            "Download a dataset once, checked by SHA-256.",
        ),
        "train": ("prunepack.pipeline.cli.commands.train", "Train a built-in model from scratch."),
    },
    "Stages": {
        "load": ("prunepack.pipeline.cli.commands.stage", "Load a trained model as a checkpoint."),
        "prune": ("prunepack.pipeline.cli.commands.stage", "Put pruning masks on a model."),
        "finetune": ("prunepack.pipeline.cli.commands.stage", "Train what the masks left."),
        "undo": (
            "prunepack.pipeline.cli.commands.stage",
            "Take the masks off again: the dense model back.",
        ),
        "finalize": (
            "prunepack.pipeline.cli.commands.stage",
            "Make the masks permanent and prove it.",
        ),
        "export": (
            "prunepack.pipeline.cli.commands.stage",
            "Export to ONNX, the same bytes everywhere.",
        ),
        "verify": (
            "prunepack.pipeline.cli.commands.stage",
            "Compare torch, ONNX and artifact on every output.",
        ),
        "measure": (
            "prunepack.pipeline.cli.commands.stage",
            "Measure size and latency beside the dense model.",
        ),
        "gate": (
            "prunepack.pipeline.cli.commands.gate",
            "Judge measured figures; the exit code says pass.",
        ),
    },
    "Artifact": {
        "pack": (
            "prunepack.pipeline.cli.commands.pack",
            "Pack an ONNX model into one small file, losslessly.",
        ),
        "unpack": (
            "prunepack.pipeline.cli.commands.unpack",
            "Get the packed files back, byte for byte.",
        ),
        "inspect": (
            "prunepack.pipeline.cli.commands.inspect",
            "Show what is in a checkpoint or an artifact.",
        ),
        "verify-file": (
            "prunepack.pipeline.cli.commands.verify_file",
            "Check every checksum of an artifact.",
        ),
        "diff": (
            "prunepack.pipeline.cli.commands.diff",
            "Show which tensors changed, and by how much.",
        ),
        "bisect": (
            "prunepack.pipeline.cli.commands.bisect",
            "Name the first node at which two models part.",
        ),
    },
    "Provenance": {
        "attest": (
            "prunepack.pipeline.cli.commands.attest",
            "State where a release comes from, for signing.",
        ),
        "sign": (
            "prunepack.pipeline.cli.commands.sign",
            "Sign a statement with a key, without a network.",
        ),
        "verify-signature": (
            "prunepack.pipeline.cli.commands.verify_signature",
            "Check that a release is what a key signed.",
        ),
    },
}
"""Group → command → (the module that defines ``command(name)``, one line of help)."""

_WHERE = {name: where for group in COMMANDS.values() for name, (where, _) in group.items()}


class Verbs(click.Group):
    """Imports a command's module when the command is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(_WHERE)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click passes it
        cmd_name: str,
    ) -> click.Command | None:
        """Return one command, or None if there is no such."""
        if cmd_name not in _WHERE:
            return None
        module = importlib.import_module(_WHERE[cmd_name])
        command: click.Command = module.command(cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and suggest the nearest one if there is no such."""
        if args and args[0] not in _WHERE and not args[0].startswith("-"):
            from prunepack.errors import UsageError
            from prunepack.stages.contract.plugins import near

            raise UsageError(f"no command is named {args[0]!r}", hint=near(args[0], _WHERE))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands in groups, without importing any."""
        for group, commands in COMMANDS.items():
            with formatter.section(group):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    for name in ("prunepack", "torch", "onnx", "onnxruntime-gpu", "onnxruntime"):
        try:
            click.echo(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    ctx.exit()


@click.command(cls=Verbs, epilog="Example: prunepack run lenet", no_args_is_help=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of prunepack and what it builds on.",
)
def prunepack() -> None:
    """From a pruned PyTorch model to ONNX and one small, verified file.

    Exit codes: 0 pass, 1 the gate failed, 2 usage or config, 3 a bug of prunepack, 4 input
    refused, 5 nothing was checked, 130 interrupted.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    sys.exit(run_command(prunepack.main))


def run_command(run: Callable[..., int | None]) -> int:
    """Run the command and return its exit code; a failure is printed, never raised."""
    try:
        return run(prog_name="prunepack", standalone_mode=False) or 0
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; no half-written file was left.", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 -- the last line of defence: no traceback for users
        return report_failure(error, sys.argv[1:])
