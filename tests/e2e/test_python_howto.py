"""docs/how-to/python.md: its code runs in the order of the page."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "python.md").read_text(encoding="utf-8")
CODES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(CODES) == 4
    names = {}
    for code in CODES:
        exec(compile(code, "python.md", "exec"), names)
    assert names["run"].metrics["sparsity.weights"].value > 94
    assert names["rows"].shape == (10, 8)
    assert Path("sizes.html").read_text().startswith("<!DOCTYPE html>")


def test_the_members_of_a_run_are_listed():
    from prunepack import Run

    listed = set(re.findall(r"`(\w+)(?:\(NAME\))?`", PAGE.split("| member |")[1].split("\n\n")[0]))
    documented = set(re.findall(r"^ {8}(\w+):", Run.__doc__, re.MULTILINE))
    members = {name for name in vars(Run) if not name.startswith("_")} | documented
    assert members - {"recipe"} <= listed
