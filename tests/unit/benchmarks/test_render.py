"""Tables stand between their marks, and nothing else of a page changes."""

import pytest

from benchmarks import render


@pytest.fixture(autouse=True)
def _tables(monkeypatch):
    monkeypatch.setattr(render, "TABLES", {"sizes": lambda: "| a |", "speeds": lambda: "| b |"})


@pytest.mark.parametrize("between", ["", "old\n", "older\n\nlines\n"])
def test_what_is_between_the_marks_is_replaced(between):
    page = f"head\n\n<!-- sizes -->\n{between}<!-- /sizes -->\n\ntail\n"
    assert render.render_text(page) == "head\n\n<!-- sizes -->\n| a |\n<!-- /sizes -->\n\ntail\n"


def test_rendering_again_changes_nothing():
    page = render.render_text("<!-- speeds -->\n<!-- /speeds -->\n<!-- sizes -->\n<!-- /sizes -->")
    assert "| a |" in page
    assert "| b |" in page
    assert render.render_text(page) == page


def test_a_page_without_marks_stays_as_it_is():
    assert render.render_text("no table here\n") == "no table here\n"


def test_a_mark_that_is_not_closed_is_told():
    with pytest.raises(SystemExit, match="a page has <!-- sizes --> and no <!-- /sizes -->"):
        render.render_text("<!-- sizes -->\nthe rest of the page\n")
