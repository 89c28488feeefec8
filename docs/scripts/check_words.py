"""Check of words: report wording that ``docs/glossary.md`` replaces.

Usage: ``python docs/scripts/check_words.py [PATH …]``; without a path, the whole repository.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from glossary import Rule, Rules, read_rules
from names import defined_names, function_names
from prose import Passage, read_passages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml"}
SENTENCE = re.compile(r"(?:^|[.!?][\"')]*\s)[\s\"'(*_]*")
SAY = "{path}:{line}: {found!r}, say instead: {say}"


def main(arguments: list[str]) -> int:
    """Print every finding, and return 1 if there is one."""
    rules = read_rules()
    found = False
    for path in list_files(arguments):
        for line in check_file(path, rules):
            found = True
            print(line)
    return int(found)


def list_files(arguments: Iterable[str]) -> list[Path]:
    """Return the files to check: those of git below the given paths."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *(arguments or ["."])]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    paths = map(Path, listed.splitlines())
    return [p for p in paths if (p.suffix in SUFFIXES or p.name == "Makefile") and p.is_file()]


def check_file(path: Path, rules: Rules) -> Iterator[str]:
    """Yield one line per finding in a file."""
    for passage in read_passages(path):
        for start, found, say in check_passage(passage, rules):
            yield SAY.format(path=path, line=passage.lines[start], found=found, say=say)
    if path.suffix == ".py" and "tests" not in path.parts:
        for line, found, say in check_names(path.read_text(encoding="utf-8"), rules):
            yield SAY.format(path=path, line=line, found=found, say=say)


def check_names(text: str, rules: Rules) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the name and the replacement of each finding in Python code."""
    for names, applied in (
        (function_names(text), rules.function_names),
        (defined_names(text), rules.names),
    ):
        for line, name in names:
            yield from ((line, name, rule.say) for rule in applied if any(_matches(rule, name)))


def check_passage(passage: Passage, rules: Rules) -> Iterator[tuple[int, str, str]]:
    """Yield the offset, the wording and the replacement of each finding in a passage."""
    for rule in rules.prose:
        yield from ((m.start(), m[0], rule.say) for m in _matches(rule, passage.text))
    whole = {
        "first line": rules.first_lines,
        "event": rules.errors,
        "hint": (*rules.errors, *rules.hints),
    }
    for rule in whole.get(passage.kind, ()):
        if match := rule.pattern.match(passage.text):
            yield match.start(), match[0].strip()[-40:], rule.say


def _matches(rule: Rule, text: str) -> Iterator[re.Match[str]]:
    """Yield the places of a rule's pattern, at the start of sentences or anywhere."""
    if not rule.opening:
        yield from rule.pattern.finditer(text)
        return
    for sentence in SENTENCE.finditer(text):
        if opening := rule.pattern.match(text, sentence.end()):
            yield opening


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
