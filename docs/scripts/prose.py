"""Prose of a repository: docstrings, comments, messages and Markdown, with line numbers."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CODE = re.compile(r"``.+?``|`[^`]+`|:\w+:`[^`]+`|\{[^{}]*\}", re.DOTALL)
LINK = re.compile(r"\]\([^)]*\)|https?://\S+|<!--.*?-->")
ITEM = re.compile(r"^\s*(?:[-*+]\s+|\d+\.\s+|\w+(?: \([^)]*\))?:\s+(?=\S))?")
ENTRY = re.compile(r"^\s*(?:[-*+]\s|\d+\.\s|\w+(?: \([^)]*\))?: +\S)")
CELL = re.compile(r"(?<!\\)\|")
PLACEHOLDER = "\N{WHITE SQUARE}"


@dataclass(frozen=True)
class Passage:
    """A paragraph, a list item, a cell or a message.

    Attributes:
        text: The words, on one line, with code replaced by a placeholder.
        lines: The line number of each character of ``text``.
        kind: One of ``prose``, ``first line``, ``event`` and ``hint``.
    """

    text: str
    lines: tuple[int, ...]
    kind: str = "prose"


def read_passages(path: Path) -> Iterator[Passage]:
    """Yield the prose of a file, by the type of the file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from python_passages(text, messages="tests" not in path.parts)
    elif path.suffix == ".md":
        yield from markdown_passages(text)
    else:
        yield from _comment_blocks(hash_comments(text))


def make_passage(numbered: Iterable[tuple[int, str]], kind: str = "prose") -> Passage:
    """Join numbered lines into one passage, without code and addresses."""
    text, lines = "", []
    for number, line in numbered:
        words = " ".join(line.split()) + " "
        text += words
        lines += [number] * len(words)
    for pattern in (LINK, CODE):
        while match := pattern.search(text):
            text = text[: match.start()] + PLACEHOLDER + text[match.end() :]
            lines[match.start() : match.end()] = [lines[match.start()]]
    return Passage(text, tuple(lines), kind)


def split_blocks(numbered: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield paragraphs and list items: a blank line or a bullet begins a new block."""
    block: list[tuple[int, str]] = []
    for number, line in numbered:
        if block and (not line.strip() or ENTRY.match(line)):
            yield block
            block = []
        if line.strip():
            block.append((number, ITEM.sub("", line, count=1) if not block else line))
    if block:
        yield block


def markdown_passages(text: str) -> Iterator[Passage]:
    """Yield headings, cells, list items and paragraphs of Markdown, without code blocks."""
    plain: list[tuple[int, str]] = []
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            plain.append((number, ""))
        elif line.startswith("#") and not fenced:
            yield make_passage([(number, line.lstrip("# "))], "first line")
        elif line.startswith("|") and not fenced:
            for cell in CELL.split(line.strip("|")):
                yield make_passage([(number, cell)])
        else:
            plain.append((number, "" if fenced else line))
    yield from map(make_passage, split_blocks(plain))


def python_passages(text: str, *, messages: bool = True) -> Iterator[Passage]:
    """Yield the docstrings and comments of a module, and its ``messages`` if wanted."""
    tree = ast.parse(text)
    documented: set[int] = set()
    for owner, doc in _docstrings(tree):
        documented.add(id(doc))
        numbered = list(enumerate(str(doc.value).split("\n"), doc.lineno))
        for block in split_blocks(numbered):
            first = block[0][0] == doc.lineno and owner
            yield make_passage(block, "first line" if first else "prose")
    yield from _comment_blocks(python_comments(text))
    if messages:
        yield from _message_passages(tree, documented)


def _docstrings(tree: ast.Module) -> Iterator[tuple[bool, ast.Constant]]:
    """Yield every docstring, also of attributes, and whether it documents its owner."""
    for node in ast.walk(tree):
        for before, statement in _statements(node):
            if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
                continue
            if isinstance(statement.value.value, str):
                value = isinstance(node, ast.FunctionDef) and bool(node.decorator_list)
                yield before is None and not value, statement.value


def _statements(node: ast.AST) -> Iterator[tuple[ast.stmt | None, ast.stmt]]:
    """Yield each statement in the body of ``node`` with the one before it."""
    body = getattr(node, "body", None)
    if isinstance(body, list):
        yield from zip([None, *body], body, strict=False)


def python_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of Python code by line, without directives to tools."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not re.match(
            r"#\s*(noqa|type:|pragma|!)", token.string
        ):
            yield token.start[0], re.sub(r"#\s*(noqa|type:).*", "", token.string.lstrip("# "))


def hash_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of TOML, YAML and make files by line."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.search(r"(?:^|\s)#+\s(.*)$", line):
            yield number, match[1]


def _comment_blocks(comments: Iterable[tuple[int, str]]) -> Iterator[Passage]:
    """Yield comments, with those on consecutive lines as one passage."""
    numbered: list[tuple[int, str]] = []
    for number, line in comments:
        if numbered and numbered[-1][0] != number - 1:
            numbered.append((number - 1, ""))
        numbered.append((number, line))
    yield from map(make_passage, split_blocks(numbered))


def _message_passages(tree: ast.Module, documented: set[int]) -> Iterator[Passage]:
    """Yield strings of at least two words: help texts, descriptions, errors, labels."""
    errors = {id(part): kind for call in ast.walk(tree) for part, kind in _error_texts(call)}
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        text, kind = _literal_text(node), errors.get(id(node))
        if id(node) in documented | inner or not text:
            continue
        lines = enumerate(text.split("\n"), node.lineno)  # type: ignore[attr-defined]
        if kind:
            yield make_passage(lines, kind)
        elif " " in text.strip():
            yield from map(make_passage, split_blocks(lines))


def _literal_text(node: ast.AST) -> str:
    """Return the text of a string or an f-string; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_literal_text(part) or PLACEHOLDER for part in node.values)
    return ""


def _error_texts(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Yield the event and the hint of a call that makes an error, with their kinds."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error"):
        yield from ((event, "event") for event in node.args[:1])
        yield from ((word.value, "hint") for word in node.keywords if word.arg == "hint")
