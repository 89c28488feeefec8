"""Commands that compare a model with the dense one: ``prunepack verify``, ``prunepack measure``.

Each runs its stage on the folders of all forms, or on files of ONNX models and artifacts, which
need no torch.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError
from prunepack.pipeline.cli.command import (
    PATH,
    command,
    force_option,
    json_option,
    output_option,
)
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.pipeline.form_files import name_compared, name_measured, open_files
from prunepack.pipeline.single_stage import execute, open_output
from prunepack.stages.measure import measure
from prunepack.stages.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.pipeline.cli.command import Command
    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Stage

__all__ = ["measure_command", "verify_command"]


def _comparison_command(stage: Stage[Any, Any, Any], help_text: str, example: str) -> Command:
    """Return the command that runs ``stage`` on folders of all forms, or on two or three files."""

    def run_stage(
        models: tuple[Path, ...], *, output: Path, force: bool, as_json: bool, **values: Any
    ) -> None:
        config = make_config(stage.config_type, values)
        with _open_inputs(stage, models) as inputs:
            facts = execute(stage, config, output, *inputs, force=force)
        print_result(f"{output}: {facts['summary']}", facts, as_json=as_json)

    decorators = [
        click.argument("models", nargs=-1, required=True, type=PATH),
        output_option,
        config_options(stage.config_type),
        force_option,
        json_option,
    ]
    decorated: Any = run_stage
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return command(name=stage.name, help=help_text, example=example)(decorated)


@contextmanager
def _open_inputs(
    stage: Stage[Any, Any, Any], paths: Sequence[Path]
) -> Iterator[list[Output | None]]:
    """Provide the inputs of ``stage``: one for each of its forms, or None where there is none.

    Raises:
        UsageError: If the number of paths fits neither all forms nor files.
        RefusedError: If a path is not what it stands for.
    """
    kinds = stage.inputs
    if len(paths) == len(kinds):
        pairs = zip(paths, kinds.values(), strict=True)
        yield [open_output(path, allowed) for path, allowed in pairs]
        return
    if len(paths) not in {2, 3}:
        raise UsageError(
            f"{stage.name} cannot compare {len(paths)} model{'s' if len(paths) > 1 else ''}",
            expected=f"2 or 3 files (DENSE PRUNED), or {len(kinds)} folders "
            f"({' '.join(kinds).upper()})",
            found=f"{len(paths)}",
        )
    with TemporaryDirectory() as folder:
        files = open_files(paths, Path(folder))
        forms = name_measured(*files) if stage is measure else name_compared(*files)
        yield [forms.get(name) for name in kinds]


verify_command = _comparison_command(
    verify,
    "Compare every output of the forms of a model, or of two ONNX files.\n\nMODELS are two "
    "files (DENSE PRUNED), three files (DENSE PRUNED.onnx PRUNED.prunepack) or four stage outputs "
    "(DENSE FINAL ONNX ARTIFACT). The files are ONNX models or artifacts and need no torch. The "
    "exit code does not depend on the result; use `prunepack gate` to judge it.",
    "prunepack verify work/dense work/final work/compacted work/lenet.prunepack -o work/parity",
)
measure_command = _comparison_command(
    measure,
    "Measure size, latency and memory, compared with the dense model.\n\nMODELS are two files "
    "(DENSE PRUNED), three files (DENSE PRUNED.onnx PRUNED.prunepack) or five stage outputs (DENSE "
    "MASKED DENSE_ONNX ONNX ARTIFACT). The files are ONNX models or artifacts and need no torch.",
    "prunepack measure work/dense work/tuned work/dense_onnx work/compacted work/lenet.prunepack "
    "-o work/measured",
)
