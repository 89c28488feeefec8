"""The page: well-formed, the same bytes for the same report, and safe with any names."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from prunepack.stages.details.records import Details
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.page.cards import make_cards
from prunepack.stages.reporting.page.cautions import list_cautions
from prunepack.stages.reporting.page.groups import group_checks
from prunepack.stages.reporting.page.headline import describe_gain, describe_verdict
from prunepack.stages.reporting.page.render import to_html
from prunepack.stages.reporting.report import Provenance, Report, to_json
from tests.unit.stages.reporting.page_reports import (
    ALL,
    BARE,
    BIG,
    EMPTY,
    FAILED,
    LIMITS,
    PASSED,
    UNDECIDED,
    make_details,
    make_page_report,
)


def parse(report):
    """Return the page as a tree; a page that is not well-formed is an error."""
    page = to_html(report)
    assert page.startswith("<!DOCTYPE html>\n")
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>"))


def words(element):
    return " ".join("".join(element.itertext()).split())


@pytest.mark.parametrize("report", ALL.values(), ids=ALL)
def test_pages_are_well_formed_and_name_their_parts(report):
    page = parse(report)
    identifiers = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(set(identifiers)) == len(identifiers)
    targets = {each.get("href")[1:] for each in page.iter("a")}
    assert targets <= set(identifiers)
    for drawing in page.iter("svg"):
        if drawing.get("aria-hidden") != "true":
            assert [part.tag for part in drawing[:2]] == ["title", "desc"]
            assert words(drawing[0])
            assert words(drawing[1])
    for figure in page.iter("figure"):
        assert figure.find(".//table") is not None
    assert {each.get("tabindex") for each in page.iter("div") if each.get("role")} <= {"0"}


@pytest.mark.parametrize("report", ALL.values(), ids=ALL)
def test_a_page_needs_nothing_but_itself(report):
    page = parse(report)
    assert not {each.tag for each in page.iter()} & {"script", "img", "iframe", "object", "image"}
    assert {each.get("href") for each in page.iter("link")} == {"data:,"}
    assert not [name for each in page.iter() for name in each.attrib if name.startswith("on")]
    assert "http" not in to_html(report)
    assert "url(" not in to_html(report)


def test_the_same_report_gives_the_same_bytes():
    again = Report.model_validate_json(json.dumps(to_json(PASSED)))
    assert to_html(again) == to_html(PASSED)


def test_a_page_of_200_layers_is_small():
    page = to_html(BIG)
    assert len(page.encode()) <= 300_000
    assert all(layer.name in page for layer in BIG.details.layers)


def test_layers_beyond_300_are_counted():
    text = words(parse(make_page_report(details=make_details(303))))
    assert "3 more layers are in report.json." in text
    assert "encoder.layers.299." in text
    assert "encoder.layers.300." not in text


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; alert(1) //&amp;&#x3c;",
    "]]></style></svg><!--",
    "{{ 7 * 7 }}{% raw %}",
    "a\x00b\x1b[31m\x85\ufffe",
    "\u202egnp.\u200f עברית 层",
    "x" * 300,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_text(name):
    """Names of layers, outputs, recipes, hosts, notes and versions come from a user."""
    details = make_details(13, recipe=name, name=name)
    details = details.model_copy(update={"versions": {name: name}, "date": name})
    checks = [
        check.model_copy(update={"note": name, "hint": name, "name": f"accuracy.{name}"})
        for check in FAILED.checks
    ]
    report = make_page_report(details=details, outputs=[name]).model_copy(
        update={
            "host": name,
            "checks": tuple(checks),
            "digests": {name: "ab" * 32},
            "baseline": {name: "cd" * 32},
        }
    )
    page = parse(report)
    shown = re.sub(r"[\x00-\x08\x1b\x85\u202e\ufffe]", "\ufffd", name)
    assert page.find(".//h1").text == shown
    assert page.find(".//title").text.startswith(shown)
    tags = {each.tag for each in parse(PASSED).iter()} | {"section", "br"}
    assert {each.tag for each in page.iter()} <= tags
    assert not [key for each in page.iter() for key in each.attrib if key.startswith("on")]


def test_commands_quote_the_recipe():
    page = parse(make_page_report(details=make_details(recipe="a; rm -rf ~")))
    assert "prunepack run 'a; rm -rf ~'" in page.find(".//pre").text


def test_the_first_lines_tell_the_verdict_and_the_gain():
    gain = "Beside the dense model, the artifact is 10.3 times smaller, loses {} points of "
    gain += "accuracy and is equally fast at batch 1."
    assert describe_verdict(PASSED) == "All 5 checks passed."
    assert describe_gain(PASSED) == gain.format("0.22")
    assert describe_verdict(FAILED) == "Do not deploy it: 1 of 5 checks failed."
    assert describe_gain(FAILED) == gain.format("56.2")
    assert describe_verdict(UNDECIDED) == "Not decided: 1 of 5 checks need more samples."
    assert describe_verdict(EMPTY) == "Nothing was checked, so nothing speaks for this release."
    assert describe_gain(BARE) == "There is no dense model to compare with."


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"size.ratio": Metric(0.98, "×")}, "is not smaller"),
        ({"accuracy.drop": Metric(0.0, "points")}, "loses nothing of accuracy"),
        ({"accuracy.drop": Metric(-0.1, "points", -0.2, 0.0)}, "gains 0.1 points of accuracy"),
        (
            {"latency.batch_1.ratio": Metric(0.5, "×", 0.45, 0.6)},
            "is 2.00 times faster at batch 1",
        ),
        (
            {"latency.sparse.batch_1.ratio": Metric(0.25, "×", 0.24, 0.26)},
            "is equally fast at batch 1 and is 4.00 times faster on sparse kernels",
        ),
        (
            {"latency.batch_1.ratio": Metric(1.2, "×", 1.1, 1.24)},
            "is 1.20 times slower at batch 1",
        ),
    ],
)
def test_the_gain_in_words(changes, text):
    assert text in describe_gain(make_page_report(changes))


def test_a_release_without_labels_is_described_by_similarity():
    gone = dict.fromkeys(name for name in PASSED.metrics if name.startswith("accuracy."))
    report = make_page_report(gone | {"similarity.mean_cosine": Metric(0.9912)})
    assert "answers with a mean cosine similarity of 0.9912" in describe_gain(report)
    assert (make_cards(report)[0].label, make_cards(report)[0].value) == ("Similarity", "0.9912")


def test_cards_hold_the_numbers_and_the_state_of_their_checks():
    quality, size, speed, same = make_cards(PASSED)
    assert (quality.value, quality.lines) == (
        "98.99 %",
        ("dense 99.21 %", "lost 0.22 points [0.04 to 0.40]"),
    )
    assert (size.value, size.lines[1]) == ("23.5 kB", "10.3× smaller")
    assert (speed.value, speed.lines[0]) == ("1.00×", "the time of dense, no difference found")
    assert (same.value, same.lines) == ("10,249", ("samples", "torch = ONNX = artifact"))
    assert [card.state for card in make_cards(FAILED)] == ["bad", "", "", ""]
    assert make_cards(UNDECIDED)[0].state == "undecided"
    assert [card.value for card in make_cards(BARE)] == [
        "not measured",
        "10 bytes",
        "not measured",
        "not measured",
    ]


def test_differing_values_are_told_on_their_card():
    report = make_page_report({"parity.torch_onnx.beyond_tolerance": Metric(7, "values")})
    assert make_cards(report)[3].lines == ("samples", "7 values differ")
    assert make_cards(report)[3].state == "bad"


def test_cautions_name_bad_results_that_no_limit_watches():
    assert list_cautions(PASSED) == [
        "Opening a session: 9.50× dense (25 ms against 3.7 ms); no limit watches it.",
        "Peak memory: 1.11× dense (74.0 MB against 67.0 MB); no limit watches it.",
        "The loss of accuracy is real: its interval does not hold 0 (52 answers lost, 30 gained, "
        "McNemar p = 0.0198).",
    ]


def test_cautions_depend_on_the_report():
    slow = {"latency.batch_1.ratio": Metric(1.2, "×", 1.1, 1.24), "latency.batch_32.ratio": None}
    assert "Inference, batch 1: 1.20× dense (0.0186 ms against 0.0186 ms); within its limit." in (
        list_cautions(make_page_report(slow))
    )
    zeros = "Zeros do not make the dense kernels of onnxruntime faster: the gain is in bytes."
    assert zeros in list_cautions(make_page_report(slow))
    sparse = slow | {"latency.sparse.batch_1.ratio": Metric(0.3, "×", 0.28, 0.33)}
    assert zeros not in list_cautions(make_page_report(sparse))
    certain = make_page_report({"accuracy.drop": Metric(0.1, "points", -0.1, 0.3)})
    assert not any("is real" in text for text in list_cautions(certain))
    assert not any("is real" in text for text in list_cautions(FAILED))
    unlimited = make_page_report(limits=LIMITS[1:])
    assert list_cautions(unlimited)[0] == (
        "The verdict does not cover the answers of the model: accuracy has no limit."
    )
    skipped = make_page_report(skip=("latency.*",))
    assert "Checks left out by gate.skip: latency.*." in list_cautions(skipped)


def test_layers_without_weights_are_named():
    details = make_details(7)
    dead = [layer.model_copy(update={"zeros": layer.weights}) for layer in details.layers]
    report = make_page_report(details=details.model_copy(update={"layers": tuple(dead)}))
    (text,) = [text for text in list_cautions(report) if text.startswith("Layers without")]
    assert text.count("`encoder") == 5
    assert text.endswith(", ….")


def test_groups_with_a_failure_come_first_and_are_open():
    groups = group_checks(FAILED)
    assert next((group.name, group.is_open) for group in groups) == ("accuracy", True)
    assert sum(len(group.checks) for group in groups) == len(FAILED.checks)
    details = [each for each in parse(FAILED).iter("details") if each.get("class") == "group"]
    assert [each.get("open") for each in details] == ["open", None, None, None, None]


def test_numbers_of_the_page_are_those_of_the_report():
    page = parse(PASSED)
    layers = next(each for each in page.iter("figure") if each.get("id") == "layers")
    cells = [[words(cell) for cell in row] for row in layers.iter("tr")][1:]
    expected = [
        (layer.name, "×".join(map(str, layer.shape)), f"{layer.weights:,}", f"{layer.bytes:,}")
        for layer in PASSED.details.layers
    ]
    assert [(row[0], row[1], row[2], row[4]) for row in cells] == expected
    assert {row[3] for row in cells} == {"78.1 %"}
    text = words(page)
    assert "measured 2026-11-26 15:31:00 UTC" in text
    assert "a machine, 2 cores" in text
    assert "ab" * 32 in text


def test_lineage_is_shown_where_it_is_known():
    stage = dict.fromkeys(("key", "result", "config", "code", "user"), "ab" * 32)
    known = {"stage": "prune", "inputs": {}, "tools": {"torch": "2.13.0"}, **stage}
    recipe = {"name": "lenet", "sha256": "cd" * 32}
    provenance = Provenance.model_validate({"recipe": recipe, "stages": [known]})
    assert "Lineage" not in words(parse(PASSED))
    shown = words(parse(PASSED.model_copy(update={"provenance": provenance})))
    assert "Lineage: 1 stages" in shown
    assert "pruneababababababababababababtorch 2.13.0" in shown


def test_a_report_without_details_has_a_page():
    page = words(parse(make_page_report(details=Details())))
    assert page.startswith("release: passed")
    assert "pip install" not in page
