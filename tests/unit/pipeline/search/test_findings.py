"""The front holds what nobody beats, and the page shows it."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.search.objective import parse_objective
from prunepack.pipeline.search.stopping import find_rival, is_stoppable
from prunepack.pipeline.search.summary.report import to_html, write_search_report
from tests.unit.pipeline.search.finished import FAILED, MIXED, STOPPED, TWO, find, finish


def test_the_front_is_what_no_valid_trial_beats():
    assert MIXED.front == [1, 2]
    assert MIXED.better == [1]
    assert find(finish(90, 100, 1.0), STOPPED).front == []
    assert find(finish(90, 100)).better == []


def test_one_objective_has_one_best_trial():
    assert find(finish(90, 100), finish(91, 500), goals=TWO[:1]).front == [1]


def test_an_unknown_trial_is_refused():
    with pytest.raises(UsageError) as caught:
        MIXED.find(40)
    assert str(caught.value) == (
        "the study `lenet` has no trial 40 with a result: expected one of 8 trials, such as 1, 2, "
        "found 40. Look for its number in search.html or search.json of the release"
    )


def test_the_files_hold_every_trial(tmp_path):
    data, page = write_search_report(MIXED, tmp_path / "lenet")
    content = json.loads(data.read_text())
    assert content["front"] == [1, 2]
    assert [trial["trial"] for trial in content["trials"]] == list(range(8))
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;b&gt;&amp;" in text
    assert "Trial 1 is better than the recipe" in text
    assert "prunepack search lenet --take 1" in text
    assert "no such layer" in text


def test_the_picture_has_a_mark_per_finished_trial_and_words_for_readers():
    page = to_html(MIXED)
    svg = re.search(r'<svg role="img".*?</svg>', page, re.DOTALL)[0]
    picture = ET.fromstring(svg)
    kinds = [mark.get("class") for mark in picture.iter("circle")]
    assert sorted(kinds) == sorted(["bad", "plain", "plain", "artifact", "artifact", "pruned"])
    assert picture.find("title").text == "accuracy.artifact over size.artifact"
    assert picture.find("desc").text
    assert to_html(MIXED) == page


@pytest.mark.parametrize(
    "findings",
    [
        find(STOPPED, FAILED),
        find(finish(90, 100, 1.0)),
        find(finish(90, 100)),
        find(finish(90, 100), finish(91, 90), goals=TWO[:1]),
        find(finish(90, 100), finish(90, 100), goals=(*TWO, "minimize latency.batch_1.pruned")[:2]),
    ],
)
def test_every_search_has_a_page(findings):
    assert "</html>" in to_html(findings)


CURVES = [(3, ((0.5, 90.0), (0.8, 80.0)))]


@pytest.mark.parametrize(
    ("sparsity", "accuracy", "is_hopeless"),
    [
        (0.5, 87.9, True),
        (0.5, 88.0, False),
        (0.4, 87.0, True),
        (0.51, 79.0, False),
        (0.8, 77.9, True),
        (0.81, 10.0, False),
    ],
)
def test_a_trial_is_hopeless_if_another_had_more_at_no_less_sparsity(
    sparsity, accuracy, is_hopeless
):
    rival = find_rival(sparsity, accuracy, CURVES, 2.0)
    assert bool(rival) == is_hopeless
    assert not rival or "trial 3 had" in rival


def test_the_rule_is_for_accuracy_and_size():
    assert is_stoppable([parse_objective(text) for text in TWO])
    assert not is_stoppable([parse_objective("minimize latency.batch_1.pruned")])
    assert not is_stoppable([parse_objective("minimize metric.drop")])
