"""Differences between kinds and their expectations, outside of pytest.

`python -m tests.zoo.sweep [NAME ...]` runs these kinds, or all of them, and prints the
differences; with `--write` it also brings `pending.txt` up to date for the kinds that ran.
"""

import sys
import tempfile
from pathlib import Path

from tests.zoo.judgement import differences
from tests.zoo.project import KINDS, Project
from tests.zoo.runs import Release, run_command

__all__ = ["run_kind"]

PENDING = KINDS.parent / "pending.txt"


def run_kind(project, folder):
    """Run the kind in `folder` and return its differences; its own check may raise."""
    project.lay_out(folder)
    settings = [word for setting in project.settings for word in ("--set", setting)]
    arguments = map(project.fill, project.ARGUMENTS or ("run", "recipe.toml"))
    command = [*arguments, *settings, "--json"]
    run = run_command(command, folder)
    if project.change:
        project.change(folder)
        run = run_command(command, folder)
    release = Release(folder / "artifacts" / (project.RELEASE or "recipe"))
    found = differences(project, run, release)
    if not found and project.check:
        project.check(release)
    return found


def attempt(name):
    """Return the differences of one kind, with whatever its check raises as one of them."""
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        try:
            return run_kind(Project(name), Path(folder))
        except Exception as error:  # noqa: BLE001 -- any failure of a kind is a difference
            return [f"{type(error).__name__}: {error}"]


def main():
    names = [word for word in sys.argv[1:] if word != "--write"]
    pending = set(PENDING.read_text().split())
    for name in names or sorted(path.stem for path in KINDS.glob("*.py")):
        found = attempt(name)
        print(name, "differs:" if found else "passes", flush=True)
        print("".join(f"  {difference}\n" for difference in found), end="", flush=True)
        pending = pending | {name} if found else pending - {name}
    if "--write" in sys.argv:
        PENDING.write_text("".join(f"{name}\n" for name in sorted(pending)))


if __name__ == "__main__":
    main()
