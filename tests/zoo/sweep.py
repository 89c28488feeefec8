"""Differences between kinds and their expectations, outside of pytest.

`python -m tests.zoo.sweep [NAME ...]` runs these kinds, or all of them, and prints the differences
and the processor time of each; with `--write` it also renews the page of the zoo in the docs.
"""

import resource
import sys
import tempfile
from pathlib import Path

from tests.zoo.judgement import differences
from tests.zoo.project import KINDS, ROOT, Project
from tests.zoo.runs import Release, run_command

__all__ = ["run_kind"]


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


def processor_seconds():
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def main():
    names = [word for word in sys.argv[1:] if word != "--write"]
    differing = []
    for name in names or sorted(path.stem for path in KINDS.glob("*.py")):
        began = processor_seconds()
        found = attempt(name)
        outcome = "differs:" if found else "passes"
        print(f"{name} {outcome} {processor_seconds() - began:.1f} s", flush=True)
        print("".join(f"  {difference}\n" for difference in found), end="", flush=True)
        differing += [name] if found else []
    if "--write" in sys.argv:
        from docs.scripts.reference_zoo import zoo_page

        (ROOT / "docs" / "reference" / "zoo.md").write_text(zoo_page())
    sys.exit(f"{len(differing)} kinds differ" if differing else 0)


if __name__ == "__main__":
    main()
