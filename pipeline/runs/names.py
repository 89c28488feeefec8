"""Names that users give to runs and studies: one plain word each, safe as the name of a folder."""

from __future__ import annotations

from prunepack.errors import UsageError, quote

__all__ = ["check_name", "check_recipe_name", "check_run_name"]

LONGEST = 100
"""Characters of a name."""

EXPECTED = f"up to {LONGEST} printable characters without / and \\"


def check_name(name: str, option: str) -> None:
    """Refuse a name that is empty, long or a path.

    Args:
        name: The name.
        option: The option that gives it.

    Raises:
        UsageError: If the name cannot be used.
    """
    if (fault := _find_fault(name)) is not None:
        shown = quote(name if len(name) <= LONGEST else f"{name[:LONGEST]}…")
        raise UsageError(f"{option} {shown} is not a name", expected=EXPECTED, found=fault)


def _find_fault(name: str) -> str | None:
    if not name.strip():
        return "an empty name"
    if len(name) > LONGEST:
        return f"{len(name)} characters"
    if name in {".", ".."}:
        return "the name of a folder"
    if "/" in name or "\\" in name:
        return "a path"
    return None if name.isprintable() else "a character that cannot be printed"


def check_run_name(name: str) -> str:
    """Return the name of a run; it is not a number, which stands for another run.

    Raises:
        UsageError: If the name cannot be used.
    """
    check_name(name, "--name")
    if name.isdigit():
        raise UsageError(f"--name {name}", expected="a name with a letter", found="a number")
    return name


def check_recipe_name(name: str, source: str) -> None:
    """Refuse a recipe whose results would lie outside the folder of a release.

    Args:
        name: The name of the recipe, which is that of the folder.
        source: The recipe as the user names it.

    Raises:
        UsageError: If the name is empty or begins with a dot, such as ``..`` or ``.store``.
    """
    if not name or name.startswith("."):
        raise UsageError(
            f"the recipe {quote(source)} gives no name for a folder",
            expected="a file name that does not begin with a dot",
            found=quote(name) if name else "an empty name",
            hint="Rename the file",
        )
