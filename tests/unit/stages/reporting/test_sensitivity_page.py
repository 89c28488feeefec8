"""Page and pictures of sensitivity: every value is a mark and a row of a table."""

import math

import pytest

from prunepack.stages.reporting.charts.outcomes import draw_outcomes
from prunepack.stages.reporting.charts.sensitivity import draw_curves
from prunepack.stages.reporting.page.sensitivity import to_sensitivity_html
from tests.unit.stages.reporting.sensitivity_records import make_sensitivity

RULES = '[[prune.rules]]\nlayers = "<conv>"\n'


def texts(row):
    return [mark.content for mark in row.marks if mark.tag == "text"]


def test_every_drop_is_a_cell_and_a_row_of_the_table():
    measured = make_sensitivity(3)
    picture = draw_curves(measured, 10)
    assert [row.label for row in picture.rows] == ["layer0", "layer1", "layer2"]
    for row, curve in zip(picture.rows, measured.curves, strict=True):
        assert [float(text) for text in texts(row)] == pytest.approx(
            [point.drop for point in curve.points], abs=0.06
        )
    assert len(picture.table.rows) == 21
    assert [row.value for row in picture.rows] == ["dense", "90.0 %", "90.0 %"]


def test_a_larger_drop_is_darker():
    row = draw_curves(make_sensitivity(1), 10).rows[0]
    levels = [int(mark.attributes["class"][1]) for mark in row.marks if mark.tag == "rect"]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (1, 5)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_outputs_that_are_not_finite_are_the_darkest(broken):
    measured = make_sensitivity(1)
    point = measured.curves[0].points[0].model_copy(update={"drop": broken})
    curve = measured.curves[0].model_copy(update={"points": (point,)})
    picture = draw_curves(measured.model_copy(update={"curves": (curve,)}), 10)
    assert texts(picture.rows[0]) == ["∞"]
    assert picture.rows[0].marks[0].attributes["class"] == "m5"


def test_the_most_sensitive_of_many_layers_are_shown():
    picture = draw_curves(make_sensitivity(50), 40)
    assert len(picture.rows) == 40
    assert picture.rows[0].label == "layer0"
    assert picture.note == "10 rows with smaller drops are in sensitivity.json."


def test_methods_are_named_if_there_are_several():
    picture = draw_curves(make_sensitivity(2, ("lamp", "wanda")), 10)
    assert [row.label for row in picture.rows][:3] == [
        "layer0, lamp",
        "layer1, lamp",
        "layer0, wanda",
    ]


def test_all_outcomes_are_on_one_axis():
    picture = draw_outcomes(make_sensitivity(2, ("lamp", "wanda")))
    assert [row.label for row in picture.rows] == [
        "of the recipe",
        "global magnitude",
        "suggested: lamp",
        "suggested: wanda",
    ]
    places = [
        float(mark.attributes["cx"][:-1])
        for row in picture.rows
        for mark in row.marks
        if mark.tag == "circle"
    ]
    assert places[2] < places[3] < places[0] == places[1]


def test_the_page_escapes_names_and_needs_no_script():
    page = to_sensitivity_html(make_sensitivity(name="<b>"), "<lenet>", RULES)
    assert "<b>0" not in page
    assert "&lt;b&gt;0" in page
    assert "&lt;conv&gt;" in page
    assert "<script" not in page
    assert to_sensitivity_html(make_sensitivity(), "x", RULES) == to_sensitivity_html(
        make_sensitivity(), "x", RULES
    )


@pytest.mark.parametrize(
    ("drop", "sentence"), [(21, "same sparsity."), (60, "the better ones here.")]
)
def test_the_page_says_whether_global_magnitude_is_better(drop, sentence):
    page = to_sensitivity_html(make_sensitivity(drop=drop), "lenet", RULES)
    assert sentence in page


def test_a_page_of_many_layers_is_small():
    page = to_sensitivity_html(make_sensitivity(200), "x", RULES)
    assert len(page) < 600_000
