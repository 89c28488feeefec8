"""``prunepack run``: the whole pipeline by a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from prunepack.errors import UsageError
from prunepack.pipeline.build import STAGES, build
from prunepack.pipeline.cache.history import Event, Recorder
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.cli.command import artifacts_option, command, json_option
from prunepack.pipeline.cli.completion import complete_recipe, complete_stage
from prunepack.pipeline.cli.console import colored, print_json, table
from prunepack.pipeline.recipe import built_in_recipes, read_recipe
from prunepack.pipeline.release.publish import publish
from prunepack.pipeline.runner import Runner, Stopped
from prunepack.stages.contract.plugins import suggest_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.pipeline.cli.console import Console
    from prunepack.stages.contract.outputs import Verdict

__all__ = ["run_command"]


HELP = f"""Run all stages of a recipe, up to an artifact and a verdict.

RECIPE is a built-in recipe or a .toml file.

\b
Built-in recipes:
{chr(10).join(f"  {name:14} {line}" for name, line in built_in_recipes().items())}
"""


@command(example="prunepack run lenet --set prune.amount=0.95 --until export", help=HELP)
@click.argument("recipe", shell_complete=complete_recipe)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Change a setting of the recipe.  [repeatable]",
)
@click.option("--until", metavar="STAGE", shell_complete=complete_stage, help="Stop after STAGE.")
@click.option(
    "--force",
    multiple=True,
    metavar="STAGE",
    shell_complete=complete_stage,
    help="Run STAGE again even if nothing changed.  [repeatable]",
)
@artifacts_option
@json_option
@click.pass_obj
def run_command(
    console: Console,
    recipe: str,
    *,
    settings: tuple[str, ...],
    until: str | None,
    force: tuple[str, ...],
    artifacts: Path,
    as_json: bool,
) -> int:
    """Run all stages of a recipe."""
    for stage in (*force, *([until] if until else [])):
        if stage not in STAGES:
            raise UsageError(f"no stage is named {stage!r}", hint=suggest_name(stage, STAGES))
    chosen = read_recipe(recipe, settings)
    events: list[Event] = []
    with Store(artifacts) as store:
        try:
            with Recorder(store, chosen.name) as recorder:

                def done(event: Event) -> None:
                    events.append(event)
                    recorder.add(event)
                    for text in event.notes:
                        console.remark(f"{event.stage}: {text}")

                runner = Runner(
                    store,
                    on_event=done,
                    on_start=lambda stage, why: console.message(f"{stage} … ({why})"),
                    force=frozenset(force),
                    until=until,
                    previous=recorder.previous,
                )
                verdict: Verdict | None = build(chosen.plan, runner)
        except Stopped:  # outside the recorder's block: the run did not come to its end
            verdict = None
        published = publish(events, artifacts / chosen.name)
    report = None if verdict is None else verdict.content
    if as_json:
        print_json(_as_json(events, published, report))
    else:
        click.echo(_as_text(events, published, report))
    return 0 if report is None else int(report["exit_code"])


def _as_text(
    events: Sequence[Event], published: Sequence[Path], report: dict[str, Any] | None
) -> str:
    rows = [
        (
            event.stage,
            "reused" if event.reused else "built",
            f"{event.seconds:.2f}",
            str(event.facts["summary"]),
        )
        for event in events
    ]
    parts = [table(("stage", "", "seconds", "result"), rows, right="seconds"), ""]
    parts += [str(path) for path in published]
    if report is not None:
        parts += ["", _verdict(report)]
    return "\n".join(parts)


def _verdict(report: dict[str, Any]) -> str:
    """Return the verdict with every check that did not pass."""
    color = "green" if report["verdict"] == "passed" else "red"
    reasons = [f"  {check['reason']}" for check in report["checks"] if check["outcome"] != "passed"]
    return "\n".join([colored(f"Verdict: {report['summary']}", color), *reasons])


def _as_json(
    events: Sequence[Event], published: Sequence[Path], report: dict[str, Any] | None
) -> dict[str, Any]:
    stages = [
        event.model_dump(
            mode="json", include={"stage", "reused", "seconds", "digest", "facts", "notes", "why"}
        )
        for event in events
    ]
    verdict = None if report is None else report["verdict"]
    files = {path.name: str(path) for path in published}
    return {"stages": stages, "files": files, "verdict": verdict}
