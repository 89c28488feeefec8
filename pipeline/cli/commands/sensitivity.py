"""``prunepack sensitivity``: how much can be pruned, and where."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from prunepack.io.atomic import check_file, create_file, replace_file
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.command import (
    PATH,
    artifacts_option,
    command,
    force_option,
    json_option,
    settings_option,
)
from prunepack.pipeline.cli.completion import complete_recipe
from prunepack.pipeline.cli.console import print_result
from prunepack.pipeline.cli.options import config_options, make_config
from prunepack.pipeline.cli.point_progress import PointProgress
from prunepack.pipeline.cli.views.sensitivity import (
    format_rules,
    format_sensitivity,
    format_suggestion,
    sensitivity_to_json,
)
from prunepack.pipeline.recipe import read_recipe
from prunepack.pipeline.release.sensitivity import SENSITIVITY_FILE
from prunepack.pipeline.release.suggested_recipe import add_digest, is_unedited
from prunepack.pipeline.runner import Runner
from prunepack.pipeline.runs.releases import claim_release, locate_source
from prunepack.pipeline.sensitivity.config import SensitivityConfig

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.recipe import Recipe
    from prunepack.stages.details.sensitivity import Sensitivity

__all__ = ["sensitivity_command"]


@command(example="prunepack sensitivity lenet --amounts 0.5,0.9,0.95 --samples 500")
@click.argument("recipe", shell_complete=complete_recipe)
@settings_option
@config_options(SensitivityConfig)
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    help="The recipe to write. Default: RECIPE-suggested.toml in the folder of the release, "
    "which is replaced unless it was edited.",
)
@force_option
@artifacts_option
@json_option
@click.pass_obj
def sensitivity_command(
    console: Console,
    /,
    recipe: str,
    *,
    settings: tuple[str, ...],
    output: Path | None,
    force: bool,
    artifacts: Path,
    as_json: bool,
    **values: Any,
) -> None:
    """Measure how much each layer can be pruned, and suggest rules.

    Each layer of RECIPE's model is pruned alone, by every amount, without training, and the
    recipe's metric is measured on validation samples. Every point is stored: after an interruption
    the same command goes on. The suggested rules are written as a recipe that runs.
    """
    chosen = _choose_settings(read_recipe(recipe, settings), values)
    with Store(artifacts) as store:
        source = locate_source(chosen.source, artifacts)
        folder = artifacts / claim_release(artifacts, chosen.name, source)
        _check_output(folder, chosen.name, output, force=force)
        progress = PointProgress(console)
        runner = Runner(store, on_event=progress.finish, hash_data=chosen.plan.load.hash_data)
        measured = _measure(chosen, runner)
        progress.conclude()
        files = _write_files(chosen, measured, folder, output, force=force)
    text = format_sensitivity(measured, files)
    print_result(text, sensitivity_to_json(measured, files), as_json=as_json)


def _choose_settings(recipe: Recipe, values: dict[str, Any]) -> Recipe:
    """Return the recipe with the options of the command line in its table ``[sensitivity]``."""
    given = make_config(SensitivityConfig, values)
    update = {name: getattr(given, name) for name in given.model_fields_set}
    table = recipe.plan.sensitivity.model_copy(update=update)
    return replace(recipe, plan=recipe.plan.model_copy(update={"sensitivity": table}))


def _find_default(folder: Path, name: str) -> Path:
    return folder / f"{name}-suggested.toml"


def _check_output(folder: Path, name: str, output: Path | None, *, force: bool) -> None:
    """Refuse an output that cannot be written, before anything is measured."""
    path = output or _find_default(folder, name)
    if output is not None or os.path.lexists(path):
        check_file(path, force=force or (output is None and is_unedited(path)))


def _measure(recipe: Recipe, runner: Runner) -> Sensitivity:
    from prunepack.pipeline.sensitivity.measurement import measure_sensitivity

    return measure_sensitivity(recipe.plan, runner)


def _write_files(
    recipe: Recipe, measured: Sensitivity, folder: Path, output: Path | None, *, force: bool
) -> list[Path]:
    """Write the values, the page and the suggested recipe, each whole or not at all."""
    from prunepack.stages.reporting.page.sensitivity import to_sensitivity_html

    page = to_sensitivity_html(measured, recipe.name, format_rules(measured))
    suggested = output or _find_default(folder, recipe.name)
    texts = {
        folder / SENSITIVITY_FILE: measured.model_dump_json(indent=1) + "\n",
        folder / "sensitivity.html": page,
    }
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            with replace_file(path, durable=False) as draft:
                draft.write_text(text, encoding="utf-8")
    can_replace = force or (output is None and is_unedited(suggested))
    with create_file(suggested, force=can_replace) as file:
        file.write(add_digest(format_suggestion(recipe, measured)))
    return [*texts, suggested]
