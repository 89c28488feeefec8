"""The site: it builds without a warning, every page is in its navigation, its picture is fresh."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import picture
import pytest
import site_links
import yaml

ROOT = Path(__file__).parents[3]
SETTINGS = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def list_pages(nav):
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from [value] if isinstance(value, str) else list_pages(value)


def test_every_page_is_in_the_navigation():
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(list_pages(SETTINGS["nav"])) == pages


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is an extra, docs")
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'src="pipeline.svg"' in home
    assert not re.search(r'<(script|link)[^>]+(src|href)="https?://[^"]+\.(js|css)"', home)
    assert (tmp_path / "tutorial" / "index.html").exists()


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("how-to/ci.md", "[x](../../action.yml)", "x (`action.yml` in the repository)"),
        (
            "reference/commands.md",
            "[The README](../../README.md)",
            "The README (`README.md` in the repository)",
        ),
        ("how-to/ci.md", "[gate](gate.md)", "[gate](gate.md)"),
        (
            "how-to/ci.md",
            "[adr](../adr/0001-stages-and-layers.md)",
            "[adr](../adr/0001-stages-and-layers.md)",
        ),
        ("a.md", "[web](https://example.org/a.md)", "[web](https://example.org/a.md)"),
        ("a.md", "[here](#there)", "[here](#there)"),
    ],
)
def test_links_out_of_the_site_are_text(page, text, expected):
    found = site_links.on_page_markdown(text, SimpleNamespace(file=SimpleNamespace(src_uri=page)))
    assert found == expected


def test_the_picture_is_that_of_the_pipeline(tmp_path, capsys):
    assert picture.main(["--check"]) == 0
    assert picture.main(["--check"], tmp_path / "pipeline.svg") == 1
    assert "Run `python docs/scripts/picture.py`" in capsys.readouterr().err
    assert picture.main([], tmp_path / "pipeline.svg") == 0
    assert picture.main(["--check"], tmp_path / "pipeline.svg") == 0


def test_the_picture_has_every_stage_and_every_edge():
    run = picture.record_stages()
    assert list(run.files) == [
        "load",
        "prune",
        "finetune",
        "finalize",
        "export",
        "compact",
        "pack",
        "export_dense",
        "verify",
        "measure",
        "gate",
    ]
    assert run.inputs["gate"] == ["verify", "measure"]
    drawing = ET.fromstring(picture.draw_picture(run))
    space = "{http://www.w3.org/2000/svg}"
    words = [text.text for text in drawing.iter(f"{space}text")]
    assert set(run.files) <= set(words)
    edges = [path for path in drawing.iter(f"{space}path") if "edge" in path.get("class", "")]
    assert len(edges) == sum(map(len, run.inputs.values()))
    assert "gate reads verify, measure." in drawing.find(f"{space}desc").text


def test_no_two_boxes_overlap():
    lanes, columns = picture.arrange_stages(picture.record_stages())
    places = [(lanes[name], columns[name]) for name in lanes]
    assert len(set(places)) == len(places)
