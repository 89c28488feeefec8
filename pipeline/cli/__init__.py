"""Command line: ``prunepack VERB INPUT -o OUTPUT``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from prunepack.pipeline.cli.errors import report_failure
from prunepack.pipeline.cli.lazy_group import LazyGroup, Target
from prunepack.pipeline.cli.processes import run_with_followers
from prunepack.pipeline.cli.streams import prepare_streams
from prunepack.pipeline.signals import (
    exit_at_signals,
    has_received,
    interrupt_at_signals,
    report_interruption,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMMANDS", "main", "prunepack", "run_command"]


def _commands(module: str, **lines: str) -> dict[str, Target]:
    """Return the targets in one module of commands: by name, the first line of the help."""
    place = f"prunepack.pipeline.cli.commands.{module}"
    return {
        name.replace("_", "-"): Target(f"{place}:{name}_command", line)
        for name, line in lines.items()
    }


COMMANDS = {
    "Pipeline": {
        **_commands("run", run="Run all stages of a recipe and produce an artifact and a verdict."),
        **_commands(
            "init",
            init="Write a commented recipe for a model, to go on from.",
            recipe="Print a built-in recipe, or list them all.",
        ),
        **_commands(
            "search",
            search="Find the settings that give the best trade-off between size and accuracy.",
        ),
        **_commands(
            "sensitivity",
            sensitivity="Measure how much each layer can be pruned, and suggest rules.",
        ),
        **_commands("explain", explain="Show why each stage of the last run ran or was reused."),
        **_commands(
            "runs",
            ls="List the runs that are kept, the newest last.",
            show="Show one run: its settings, its stages and its verdict.",
            compare="Show the settings and the metrics that differ between runs.",
            rm="Delete the records of runs.",
        ),
        **_commands(
            "card", card="Write the model card of a run, as the Hugging Face hub reads it."
        ),
        **_commands("gc", gc="Delete stored results that no run needs."),
        **_commands("fetch", fetch="Download a dataset, checked by its SHA-256."),
        **_commands("train", train="Train a built-in model and save its weights."),
    },
    "Stages": {
        **_commands(
            "stages",
            load="Load a trained model as a checkpoint.",
            prune="Add pruning masks to a model.",
            finetune="Train the remaining weights of a pruned model.",
            undo="Remove the masks and restore the dense model.",
            finalize="Make the masks permanent and prove that the outputs stay the same.",
            export="Export a model to an ONNX file that is byte-identical on every machine.",
            compact="Remove the dead parts of an ONNX model, so that it is smaller and faster.",
        ),
        **_commands(
            "comparison",
            verify="Compare every output of the forms of a model, or of two ONNX files.",
            measure="Measure size, latency and memory, compared with the dense model.",
        ),
        **_commands("gate", gate="Check metrics against limits; the exit code is the verdict."),
    },
    "Artifact": {
        **_commands("pack", pack="Pack a model into one small file, without loss."),
        **_commands("unpack", unpack="Restore the packed files, byte for byte."),
        **_commands(
            "inspect", inspect="Show the contents of a checkpoint, a model or an artifact."
        ),
        **_commands("verify_file", verify_file="Check every checksum of an artifact."),
        **_commands("diff", diff="Show the tensors that differ between two models."),
        **_commands("bisect", bisect="Find the first node at which two models diverge."),
    },
    "Provenance": {
        **_commands("attest", attest="State the origin of a release, for signing."),
        **_commands("sign", sign="Sign a statement with a private key, without a network."),
        **_commands(
            "verify_signature", verify_signature="Check the files of a release against a signature."
        ),
    },
}
"""Section of the help → command → its import path and the first line of its help."""


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


@click.group(
    cls=LazyGroup,
    sections=COMMANDS,
    epilog="Example: prunepack run lenet",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of prunepack, torch, onnx and onnxruntime.",
)
def prunepack() -> None:
    """Pruned PyTorch models as ONNX and one small, verified file.

    Exit codes: 0 pass, 1 the gate failed, 2 usage or config, 3 a bug in prunepack, 4 input
    refused, 5 nothing was checked, 130 interrupted (129 or 143 by SIGHUP or SIGTERM).
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    interrupt_at_signals()
    try:
        prepare_streams()
        code = run_with_followers(
            lambda: run_command(prunepack.main), lambda follow: run_command(lambda **_: follow())
        )
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = report_interruption()
    exit_at_signals()
    sys.exit(code)


def run_command(run: Callable[..., int | None]) -> int:
    """Run the command and return its exit code; a failure is printed, never raised."""
    try:
        return run(prog_name="prunepack", standalone_mode=False) or 0
    except (click.Abort, KeyboardInterrupt):
        return report_interruption()
    except Exception as error:  # noqa: BLE001 -- the last line of defence: no traceback for users
        if has_received():
            return report_interruption()
        return report_failure(error, sys.argv[1:])
