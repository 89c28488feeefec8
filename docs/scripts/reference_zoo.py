"""Table of the zoo: every kind of model, checkpoint, data and hook, with its outcome."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

GROUPS = {
    "architecture": "Models",
    "checkpoint": "Checkpoints",
    "inputs": "Inputs",
    "outputs": "Outputs",
    "data": "Data, labels and metrics",
    "pruning": "Pruning",
    "finetune": "Fine-tuning and hooks",
    "export": "Export",
}

HEADER = """# Kinds of models, checkpoints and data

This page is generated from `tests/zoo/kinds/` by `python docs/scripts/reference.py`. Each row is
a file that runs all stages in `make test-zoo`; the kinds in **bold** also run with all tests. A
kind passes, or it is refused with the sentence in its row and a hint, exit code 4 or 2.

"""


def zoo_page() -> str:
    """Return the page: a summary, and one table per group."""
    projects = _open_projects()
    tables = [_format_group(group, projects) for group in GROUPS]
    return HEADER + _summarize(projects) + "\n" + "\n".join(tables)


def _open_projects() -> list[Any]:
    """Return the kinds by name; they are packages of the tests, not of the distribution."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from tests.zoo.project import KINDS, Project

    return [Project(path.stem) for path in sorted(KINDS.glob("*.py"))]


def _summarize(projects: list[Any]) -> str:
    refused = sum(project.REFUSED is not None for project in projects)
    failing = sum(project.PASSES is not None and project.PASSES.code == 1 for project in projects)
    passing = len(projects) - refused - failing
    return (
        f"{len(projects)} kinds: {passing} pass, {refused} are refused, {failing} "
        "with a gate that fails as it should.\n"
    )


def _format_group(group: str, projects: list[Any]) -> str:
    rows = [_format_row(project) for project in projects if group == project.GROUP]
    return "\n".join([f"## {GROUPS[group]}", "", "| kind | outcome |", "|---|---|", *rows, ""])


def _format_row(project: Any) -> str:
    title = project.module.__doc__.strip().splitlines()[0]
    name = f"**{title}**" if project.FAST else title
    return f"| {_escape(name)} | {_escape(_describe_outcome(project))} |"


def _describe_outcome(project: Any) -> str:
    if project.REFUSED is None:
        return "passes" if project.PASSES.code == 0 else "runs; its gate fails, as it should"
    sentence = " ".join(project.REFUSED.what.replace("{here}", f"{project.name}.py").split())
    return f"refused: {sentence}"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
