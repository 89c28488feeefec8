"""Links of the site: those to other files of the repository become text.

mkdocs calls :func:`on_page_markdown` for each page, as a hook.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

__all__ = ["on_page_markdown"]

LINK = re.compile(r"\[([^\]]+)\]\((\.[^)#]+)\)")


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return the page with links to other files of the repository as text."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def replace(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        inside = target.startswith("docs/") and not target.endswith(".json")
        return match[0] if inside else f"{match[1]} (`{target}` in the repository)"

    return LINK.sub(replace, markdown)
