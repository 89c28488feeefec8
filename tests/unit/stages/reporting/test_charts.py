"""Marks of the pictures stand where the values of the report say."""

import json
import math

import pytest

from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.charts.gallery import draw_pictures, to_plots
from prunepack.stages.reporting.charts.limits import compute_use, describe_off_scale
from prunepack.stages.reporting.charts.ratios import list_ratios
from prunepack.stages.reporting.drawing.scale import Scale, list_ticks
from prunepack.stages.reporting.drawing.words import (
    format_bytes,
    format_percent,
    format_short,
    format_times,
)
from tests.unit.stages.reporting.page_reports import (
    ALL,
    BIG,
    FAILED,
    LIMITS,
    METRICS,
    PASSED,
    make_page_report,
)


def picture(report, name):
    return {each.name: each for each in draw_pictures(report)}[name]


def marks(row, *kinds):
    return [mark for mark in row.marks if mark.attributes["class"].split()[0] in kinds]


def percent(text):
    assert text.endswith("%")
    return float(text[:-1])


def test_limits_are_drawn_by_the_part_of_them_that_is_used():
    rows = {row.label: row for row in picture(PASSED, "limits").rows}
    (dot,) = marks(rows["accuracy.drop"], "good")
    assert percent(dot.attributes["cx"]) == pytest.approx(100 * (0.22 / 0.5) / 1.5, abs=0.01)
    (interval,) = marks(rows["accuracy.drop"], "interval")
    ends = [percent(interval.attributes[x]) for x in ("x1", "x2")]
    assert ends == pytest.approx([100 * end / 0.5 / 1.5 for end in (0.04, 0.4)], abs=0.01)
    (limit,) = marks(rows["size.ratio"], "limit")
    assert percent(limit.attributes["x1"]) == pytest.approx(100 / 1.5, abs=0.01)
    (dot,) = marks(rows["size.ratio"], "good")
    assert percent(dot.attributes["cx"]) == pytest.approx(100 * 8.5 / 10.33 / 1.5, abs=0.01)


@pytest.mark.parametrize(
    ("name", "limit", "metric", "words"),
    [
        ("accuracy.samples", ">= 100", Metric(100, "samples"), "exactly as many as required"),
        ("accuracy.samples", ">= 100", Metric(1100, "samples"), "1,000 more than required"),
        ("accuracy.samples", ">= 100", Metric(40, "samples"), "60 too few"),
        ("runtime.nodes_elsewhere", "<= 0", Metric(0, "nodes"), "exactly as many as allowed"),
        ("parity.own_count", "<= 3", Metric(1, "nodes"), "2 fewer than allowed"),
        ("runtime.nodes_elsewhere", "<= 0", Metric(7, "nodes"), "7 too many"),
        ("agreement.torch_onnx", ">= 99.99", Metric(100, "%"), "nothing is missing to 100 %"),
        ("agreement.torch_onnx", ">= 99.99", Metric(99.995, "%"), ""),
        ("agreement.torch_onnx", ">= 99.99", Metric(math.nan, "%"), ""),
        ("size.ratio", ">= 8", Metric(8, "×"), ""),
        ("accuracy.drop", "<= 0.5", Metric(0, "points", 0, 0), ""),
    ],
)
def test_counts_and_perfect_shares_have_words(name, limit, metric, words):
    report = make_page_report({name: metric}, [f"{name} {limit}"])
    (check,) = (check for check in report.checks if check.name == name)
    assert describe_off_scale(check) == words


def test_a_failed_check_comes_first_and_beyond_the_line():
    first = picture(FAILED, "limits").rows[0]
    assert (first.label, first.state) == ("accuracy.drop", "bad")
    (dot,) = marks(first, "bad")
    assert percent(dot.attributes["cx"]) == 100.0
    (far,) = marks(first, "far")
    assert (far.content, far.tag) == ("»", "text")


def test_a_value_on_the_axis_has_no_mark_of_a_far_one():
    assert not any(marks(row, "far") for row in picture(PASSED, "limits").rows)


def test_checks_of_the_recipe_are_drawn_after_those_that_did_not_pass():
    broken = {"parity.torch_onnx.beyond_tolerance": Metric(3, "values")}
    limits = [*LIMITS, *(f"size.{name} <= 1e9" for name in ("onnx", "artifact"))]
    report = make_page_report(broken, limits)
    gate = report.gate.model_copy(update={"limits": (Limit.parse("size.* <= 1e9"),)})
    rows = picture(report.model_copy(update={"gate": gate}), "limits").rows
    assert [row.label for row in rows] == [
        "parity.torch_onnx.beyond_tolerance",
        "size.ratio",
        "size.onnx",
        "size.artifact",
    ]


VALUES = [-3.0, 0.0, 1e-9, 0.5, 1.0, 8.5, 99.9, 100.0, 1e12, math.inf, math.nan]


@pytest.mark.parametrize("unit", ["%", "points", "×"])
@pytest.mark.parametrize("sense", ["<=", ">="])
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.5, 8.5, 99.9, 100.0])
def test_a_value_is_beyond_the_line_exactly_if_it_breaks_its_limit(unit, sense, threshold):
    one = make_page_report(limits=["size.ratio >= 1"]).checks[0]
    limit = Limit.parse(f"size.ratio {sense} {threshold}")
    check = one.model_copy(update={"limit": limit, "threshold": threshold, "unit": unit})
    for value in VALUES:
        is_inside = value <= threshold if sense == "<=" else value >= threshold
        assert (compute_use(value, check) <= 1) == is_inside, (value, threshold)
        assert compute_use(value, check) >= 0


def test_bars_are_as_long_as_the_files():
    found = picture(PASSED, "sizes")
    lengths = {row.label: percent(row.marks[0].attributes["width"]) for row in found.rows}
    assert lengths["dense ONNX"] == 100.0
    assert lengths["artifact"] == pytest.approx(100 * 23_494 / 242_727, abs=0.01)
    assert lengths["pruned ONNX, zstd -19"] == pytest.approx(100 * 30_180 / 242_727, abs=0.01)


def test_size_against_accuracy():
    found = picture(PASSED, "tradeoff")
    assert [row[:3] for row in found.table.rows] == [
        ("dense ONNX", 1.0, 99.21),
        ("pruned ONNX, zstd -19", 242_727 / 30_180, 98.99),
        ("artifact", 242_727 / 23_494, 98.99),
    ]
    (row,) = found.rows
    dense, pruned, artifact = (marks(row, kind)[0] for kind in ("dense", "pruned", "artifact"))
    places = [percent(dot.attributes["cx"]) for dot in (dense, pruned, artifact)]
    steps = [math.log(242_727 / 30_180), math.log(30_180 / 23_494)]
    moves = [places[1] - places[0], places[2] - places[1]]
    assert moves[0] / moves[1] == pytest.approx(steps[0] / steps[1], rel=0.01)
    heights = [float(dot.attributes["cy"]) for dot in (dense, artifact)]
    assert heights[0] < heights[1]
    assert marks(row, "limit")
    assert ("bad", "limit on the loss") in found.legend


def test_rounds_go_up_and_down_as_their_scores():
    (row,) = picture(PASSED, "rounds").rows
    heights = [float(dot.attributes["cy"]) for dot in marks(row, "pruned", "artifact")]
    scores = [98.88, 99.27, 94.59, 98.73]
    slope = (heights[2] - heights[0]) / (scores[2] - scores[0])
    assert heights == pytest.approx([heights[0] + slope * (s - scores[0]) for s in scores], abs=0.1)


def test_errors_stand_on_a_logarithmic_axis():
    (row,) = picture(PASSED, "parity").rows
    mean, p99, largest = (percent(d.attributes["cx"]) for d in marks(row, "error"))
    assert (largest - mean) / (p99 - mean) == pytest.approx(
        math.log(7.6e-6 / 8e-7) / math.log(3.8e-6 / 8e-7), rel=0.01
    )
    (limit,) = marks(row, "limit")
    assert largest < percent(limit.attributes["x1"]) < 100
    assert (row.value, row.detail, row.state) == ("needs 2e-6", "tolerance 1e-4", "good")


def test_of_many_outputs_the_worst_are_drawn():
    found = picture(BIG, "parity")
    assert [row.label for row in found.rows[:2]] == ["hidden.23", "hidden.22"]
    assert (len(found.rows), len(found.table.rows)) == (12, 24)
    assert found.note == "Outputs 13 to 24 are in the table."


def test_ratios_have_a_word_by_their_interval():
    rows = {row.label: row for row in picture(PASSED, "ratios").rows}
    assert list(rows) == [
        "inference, batch 1",
        "inference, batch 32",
        "opening a session",
        "peak memory",
    ]
    words = [(row.detail, row.state) for row in rows.values()]
    assert words == [
        ("no difference found", "plain"),
        ("less", "good"),
        ("more", "bad"),
        ("more", "bad"),
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("latency.sparse.batch_1.ratio", "inference, sparse, batch 1"),
        ("latency.sparse.session.ratio", "opening a session, sparse"),
        ("latency.session.stock.ratio", "opening a session, stock"),
        ("macs.ratio", "multiplications"),
    ],
)
def test_ratios_of_later_measurements_appear(name, label):
    report = make_page_report({name: Metric(0.4, "×")})
    assert (label, name, Metric(0.4, "×")) in list_ratios(report)


COMPACTED = {
    "compact.channels_before": Metric(64, "channels"),
    "compact.channels": Metric(48, "channels"),
    "compact.macs_before": Metric(1000, "MACs"),
    "compact.macs": Metric(1000, "MACs"),
}


def test_compaction_is_drawn_where_it_removed_something():
    rows = picture(make_page_report(COMPACTED), "structure").rows
    assert [(row.label, row.value, row.detail) for row in rows] == [
        ("channels", "64 → 48", "25.0 % less"),
        ("multiply-accumulates", "1,000 → 1,000", "0.0 % less"),
    ]
    assert percent(marks(rows[0], "artifact")[0].attributes["width"]) == 75.0
    same = COMPACTED | {"compact.channels": Metric(64, "channels")}
    for changes in (same, {"compact.channels_before": Metric(64, "channels")}, {}):
        assert "structure" not in to_plots(make_page_report(changes))


def test_histograms_and_maps_hold_every_count():
    plots = to_plots(PASSED)
    bins = [
        row for row in plots["histograms"] if row["weight_layer"].startswith("encoder.layers.1.")
    ]
    histogram = PASSED.details.layers[1].histogram
    assert [row["dense_count"] for row in bins] == list(histogram.dense)
    assert [row["kept_count"] for row in bins] == list(histogram.pruned)
    assert (bins[0]["from_value"], bins[-1]["to_value"]) == (-1.25, 1.25)
    (row, *_) = picture(PASSED, "masks").rows
    drawn = {mark.attributes["class"][1]: mark.attributes["d"] for mark in row.marks}
    grid = [list("0" * 96) for _ in range(32)]
    for digit, path in drawn.items():
        for part in path.removesuffix("z").split("z"):
            start, width = part.removeprefix("M").split("v")[0].split("h")
            x, y = map(int, start.split())
            for step in range(int(width)):
                grid[y][x + step] = digit
    assert tuple(map("".join, grid)) == PASSED.details.layers[0].mask


@pytest.mark.parametrize("report", ALL.values(), ids=ALL)
def test_plots_are_lists_of_flat_rows_that_dvc_can_tell_apart(report):
    plots = json.loads(json.dumps(to_plots(report), allow_nan=False))
    fields = [field for rows in plots.values() for field in rows[0]]
    assert len(set(fields)) == len(fields)
    for rows in plots.values():
        assert {tuple(row) for row in rows} == {tuple(rows[0])}
        cells = [cell for row in rows for cell in row.values()]
        assert all(cell is None or isinstance(cell, str | int | float) for cell in cells)


def test_plots_hold_the_values_of_the_report():
    plots = to_plots(PASSED)
    assert {row["form"]: row["bytes"] for row in plots["sizes"]}["artifact"] == 23_494
    latency = next(row for row in plots["ratios"] if row["cost"] == "inference, batch 1")
    ratio = METRICS["latency.batch_1.ratio"]
    assert (latency["ratio"], latency["ratio_low"], latency["ratio_high"]) == (
        ratio.value,
        ratio.low,
        ratio.high,
    )
    assert plots["layers"][0]["zeros"] == PASSED.details.layers[0].zeros


HOSTILE = [math.nan, math.inf, 0.0, 1e-320, 1e308]


@pytest.mark.parametrize("value", HOSTILE)
def test_any_value_can_be_drawn(value):
    changes = {
        name: Metric(value, metric.unit, None if metric.low is None else value, metric.high)
        for name, metric in METRICS.items()
    }
    for report in (make_page_report(changes), make_page_report({"size.artifact": Metric(value)})):
        for each in draw_pictures(report):
            for mark in (mark for row in each.rows for mark in row.marks):
                assert not any("nan" in text or "inf" in text for text in mark.attributes.values())


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 100), [0, 20, 40, 60, 80, 100]),
        (Scale(98.7, 99.4), [98.8, 99.0, 99.2, 99.4]),
        (Scale(0.8, 12, is_log=True), [1, 2, 5, 10]),
        (Scale(1e-9, 1e-3, is_log=True), [1e-9, 1e-7, 1e-5, 1e-3]),
        (Scale(1.2, 1.4, is_log=True), [1.2, 1.3, 1.4]),
    ],
)
def test_ticks_are_round(scale, ticks):
    assert list_ticks(scale, 5 if scale.low == 98.7 else 6) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_bytes(999), "999 bytes"),
        (format_bytes(1000), "1.0 kB"),
        (format_bytes(999_960), "1.0 MB"),
        (format_bytes(23_494), "23.5 kB"),
        (format_bytes(5e15), "5,000.0 TB"),
        (format_percent(100), "100.0 %"),
        (format_percent(99.999), "99.99 %"),
        (format_percent(99.64), "99.64 %"),
        (format_percent(37.04), "37.0 %"),
        (format_times(1.004), "1.00×"),
        (format_times(10.331), "10.3×"),
        (format_times(1234.5), "1,234.5×"),
        (format_short(0), "0"),
        (format_short(0.22), "0.22"),
        (format_short(1e-6), "1e-6"),
        (format_short(123456), "1e+05"),
    ],
)
def test_numbers_are_short(text, expected):
    assert text == expected
