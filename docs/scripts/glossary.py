"""Rules of wording, read from the tables of ``docs/glossary.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

GLOSSARY = Path(__file__).resolve().parents[1] / "glossary.md"
CELL = re.compile(r"(?<!\\)\|")
QUOTED = re.compile(r"`([^`]+)`")
BOLD = re.compile(r"\*\*|`")


@dataclass(frozen=True)
class Rule:
    """One row of the glossary that a program can check.

    Attributes:
        pattern: The wording to avoid.
        say: The wording that replaces it.
        opening: Whether the pattern applies only at the start of a sentence.
    """

    pattern: re.Pattern[str]
    say: str
    opening: bool


@dataclass(frozen=True)
class Rules:
    """All rules, by the texts that they apply to."""

    prose: tuple[Rule, ...]
    first_lines: tuple[Rule, ...]
    errors: tuple[Rule, ...]
    hints: tuple[Rule, ...]
    function_names: tuple[Rule, ...]
    names: tuple[Rule, ...]


def read_rules(page: Path = GLOSSARY) -> Rules:
    """Return the rules of the glossary, by the heading of their tables."""
    sections: dict[str, list[Rule]] = {}
    topic = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            topic = line[3:]
        elif line.startswith("| ") and (rule := _parse_row(line)):
            sections.setdefault(topic, []).append(rule)
    return Rules(
        prose=(*sections["Words"], *sections["Sentences"]),
        first_lines=tuple(sections["Headings and first lines"]),
        errors=tuple(sections["Errors"]),
        hints=tuple(sections["Hints"]),
        function_names=tuple(sections["Names of functions"]),
        names=tuple(sections["Names"]),
    )


def _parse_row(line: str) -> Rule | None:
    """Return the rule of a table's row; None for a header and for *review*."""
    *_, say, words, found_by = (
        cell.strip().replace("\\|", "|") for cell in CELL.split(line.strip().strip("|"))
    )
    if found_by in {"review", "found by"}:
        return None
    source = "|".join(rf"\b{word}s?\b" for word in QUOTED.findall(words))
    if found_by != "words":
        source = found_by.strip("`")
    pattern = re.compile(source.removeprefix("^"), re.IGNORECASE)
    return Rule(pattern, BOLD.sub("", say), source.startswith("^"))
