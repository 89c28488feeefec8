"""The page of a comparison: its words, its picture, and names that could be markup."""

import xml.etree.ElementTree as ET

import pytest

from prunepack.pipeline.runs.comparison import Change, RunsComparison
from prunepack.pipeline.runs.comparison_page.picture import draw_metrics
from prunepack.pipeline.runs.comparison_page.render import comparison_to_html
from prunepack.pipeline.runs.run import Run
from prunepack.stages.metrics.metric import Metric

RUNS = [
    Run(recipe="lenet", number=1, started="2026-11-26T18:37:47+00:00"),
    Run(recipe="lenet", number=2, name="<b>sparser</b>", started="2026-11-26T19:00:00+00:00"),
]
NAMES = ("run 1", "run 2 (<b>sparser</b>)")
ACCURACY = Change("accuracy.artifact", (Metric(99, "%", 98.8, 99.2), Metric(97.8, "%", 97.5, 98.1)))
SIZE = Change("size.artifact", (Metric(22_811, "bytes"), Metric(12_478, "bytes")))


def render(settings=(), metrics=(), others=()):
    comparison = RunsComparison(NAMES, [*settings], [*metrics], [*others])
    return comparison_to_html(RUNS, comparison)


def read_text(page):
    root = ET.fromstring(page.partition("<!DOCTYPE html>")[2])
    return " ".join("".join(root.itertext()).split())


def test_settings_metrics_and_the_rest_are_told():
    page = render([Change("prune.amount", (0.9, 0.95))], [ACCURACY, SIZE], ["run 2: torch changed"])
    text = read_text(page)
    assert "1 setting differs, and 2 metrics lie beyond the intervals." in text
    assert "prune.amount0.90.95" in text
    assert "99 → 97.8 %" in text
    assert "22,811 → 12,478 bytes" in text
    assert "99 % [98.8, 99.2]" in text
    assert "run 2: torch changed" in text
    assert "2026-11-26 18:37did not finish: nothing was its last stage" in text


def test_nothing_differs():
    text = read_text(render())
    assert "0 settings differ, and 0 metrics lie beyond the intervals." in text
    assert "The settings are the same." in text
    assert "No metric lies beyond its interval." in text


def test_names_are_no_markup():
    page = render([Change("<script>", ("</td>", '"'))])
    assert "<script>" not in page
    assert "<b>sparser" not in page
    assert "run 2 (<b>sparser</b>)" in read_text(page)


def test_the_page_is_one_file_and_the_same_every_time():
    page = render([], [ACCURACY])
    assert page == render([], [ACCURACY])
    assert "http" not in page.replace("http://www.w3.org", "")


def test_marks_lie_where_the_values_are():
    picture = draw_metrics(NAMES, [ACCURACY])
    (row,) = picture.rows
    dots = [mark for mark in row.marks if mark.tag == "circle"]
    places = [float(mark.attributes["cx"].removesuffix("%")) for mark in dots]
    low, high = 97.5 - 0.06 * 1.7, 99.2 + 0.06 * 1.7
    assert places == pytest.approx([100 * (v - low) / (high - low) for v in (99, 97.8)], abs=0.01)
    assert [mark.attributes["class"] for mark in dots] == ["dense", "artifact"]
    assert sum(mark.attributes["class"] == "interval" for mark in row.marks) == 2


def test_missing_and_undefined_metrics():
    nan = Metric(float("nan"))
    picture = draw_metrics(NAMES, [Change("a", (Metric(1.0), None)), Change("b", (nan, nan))])
    (row,) = picture.rows
    assert row.value == "1 → –"
    assert [cells[0] for cells in picture.table.rows] == ["a", "b"]
    assert draw_metrics(NAMES, [Change("b", (nan, None))]) is None
    assert "nan" in read_text(render([], [Change("b", (nan, None))]))


def test_more_runs_than_colors():
    change = Change("a", tuple(Metric(float(number)) for number in range(9)))
    picture = draw_metrics([f"run {number}" for number in range(9)], [change])
    assert len({kind for kind, _ in picture.legend}) == 6
    assert sum(mark.tag == "circle" for mark in picture.rows[0].marks) == 9
