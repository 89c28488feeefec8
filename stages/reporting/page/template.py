"""Templates of the pages, and the characters that no page may hold."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.words import format_bytes, format_percent
from prunepack.stages.reporting.wording import format_metric, format_number

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

__all__ = ["open_template", "replace_controls"]

CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)
"""Characters that no page can hold, and those that turn the direction of a text around."""


def replace_controls(page: str) -> str:
    """Return ``page`` with the replacement character in place of control characters."""
    return CONTROL.sub("\ufffd", page)


@cache
def open_template(name: str, *folders: Path) -> Template:
    """Return a template in one of ``folders``, or in that of the report's page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader([*folders, Path(__file__).parent]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": format_bytes,
        "percent": format_percent,
        "number": format_number,
        "metric": format_metric,
        "cell": _format_cell,
        "breakable": _make_breakable,
    }
    return environment.get_template(name)


def _make_breakable(name: str) -> Markup:
    """Return a name that a line breaks after a dot, a slash or an underscore."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([._/])(?=[^._/])", r"\1<wbr/>", str(escape(name))))  # noqa: S704


def _format_cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else format_number(value)
