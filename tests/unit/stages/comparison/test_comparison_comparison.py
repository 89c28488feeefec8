"""Parity: every output, every element, and NaN never equal."""

import math

import numpy as np
import pytest

from prunepack.stages.comparison.comparison import Comparison
from prunepack.stages.comparison.error import compute_tolerance
from prunepack.stages.comparison.tolerances import Tolerance

NAN, INF = float("nan"), float("inf")


def floats(*values):
    return np.array(values, np.float32)


def compared(expected, found, **options):
    comparison = Comparison("pair", **options)
    comparison.add(expected, found, 1)
    return {name.removeprefix("parity.pair."): m for name, m in comparison.metrics().items()}


@pytest.mark.parametrize(
    ("expected", "found", "smallest", "where"),
    [
        (floats(1, 2), floats(1, 2), 0.0, (0,)),
        (floats(0, 0), floats(0, 0.5), 0.5, (1,)),
        (floats(3, 3), floats(3, 5), 0.5, (1,)),
        (floats(0.0), floats(-0.0), 0.0, (0,)),
        (floats(1, INF), floats(1, INF), 0.0, (0,)),
        (floats(-INF), floats(-INF), 0.0, (0,)),
        (floats(1, 1), floats(1, INF), INF, (1,)),
        (floats([1, 2], [3, 4]), floats([1, 2], [7, 4]), 1.0, (1, 0)),
        (np.array([1, 3]), np.array([1, 7]), 1.0, (1,)),
        (np.array([True]), np.array([False]), 0.5, (0,)),
        (np.array([1e300]), np.array([2e300]), 1.0, (0,)),
        (np.float32(2.0)[None][0:1].reshape(()), np.full((), 5, np.float32), 1.0, ()),
    ],
)
def test_the_smallest_tolerance_and_the_worst_place(expected, found, smallest, where):
    apart, place = compute_tolerance(expected, found)
    assert apart == pytest.approx(smallest)
    assert place == where


@pytest.mark.parametrize(
    ("expected", "found", "where"),
    [
        (floats(1, NAN), floats(1, NAN), 1),
        (floats(1, NAN), floats(1, 2), 1),
        (floats(1, 2), floats(NAN, 2), 0),
        (floats(INF), floats(-INF), 0),
        (floats(INF), floats(1), 0),
        (floats(0, NAN), floats(INF, 0), 1),
    ],
)
def test_nan_and_other_infinities_never_pass(expected, found, where):
    apart, place = compute_tolerance(expected, found)
    assert math.isnan(apart)
    assert place == (where,)


def test_no_elements_are_no_distance():
    assert compute_tolerance(np.empty((0, 3)), np.empty((0, 3))) == (0.0, ())


def test_equal_outputs():
    found = compared({"y": floats(1, 2)}, {"y": floats(1, 2)})
    total = {name: one.value for name, one in found.items() if not name.startswith("outputs.")}
    assert total == {
        "samples": 1,
        "outputs": 1,
        "values": 2,
        "unmatched_outputs": 0,
        "nonfinite": 0,
        "tolerance": 0.0,
        "beyond_tolerance": 0,
    }
    assert found["tolerance"].note == "y[0]: 1 and 1"


@pytest.mark.parametrize(
    ("expected", "found", "note"),
    [
        ({"y": floats(1), "z": floats(1)}, {"y": floats(1)}, "z is missing"),
        ({"y": floats(1)}, {"y": floats(1), "z": floats(1)}, "z is extra"),
        ({"y": floats(1)}, {"z": floats(1)}, "y is missing; z is extra"),
        ({"y": floats(1)}, {"y": floats(1, 1)}, "y: float32[1] and float32[2]"),
        ({"y": floats(1)}, {"y": np.ones(1)}, "y: float32[1] and float64[1]"),
        ({"y": floats(1)}, {"y": floats([1])}, "y: float32[1] and float32[1, 1]"),
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_outputs_that_do_not_match(expected, found, note, exact):
    metrics = compared(expected, found, exact=exact)
    assert metrics["unmatched_outputs"].value == 1 + note.count(";")
    assert metrics["unmatched_outputs"].note == note


def test_nothing_compared_is_not_a_pass():
    metrics = compared({"y": floats(1)}, {})
    assert metrics["outputs"].value == metrics["values"].value == 0
    for name in ("tolerance", "beyond_tolerance"):
        assert math.isnan(metrics[name].value)
        assert metrics[name].note == "no output was compared"
    assert math.isnan(Comparison("none").metrics()["parity.none.tolerance"].value)


def test_the_worst_place_counts_samples_over_all_batches():
    comparison = Comparison("pair")
    for wrong in (0.1, 0.7, 0.3):
        found = np.zeros((4, 2), np.float32)
        found[2, 1] = wrong
        comparison.add({"y": np.zeros((4, 2), np.float32)}, {"y": found}, 4)
    metrics = comparison.metrics()
    assert metrics["parity.pair.samples"].value == 12
    assert metrics["parity.pair.tolerance"].value == pytest.approx(0.7)
    assert metrics["parity.pair.tolerance"].note == "y[6, 1]: 0 and 0.699999988"


def test_the_worst_of_several_outputs():
    expected = {"a": floats(0), "b": floats(0), "c": floats(0)}
    metrics = compared(expected, {"a": floats(0.1), "b": floats(0.9), "c": floats(0.2)})
    assert metrics["outputs"].value == 3
    assert metrics["tolerance"].note.startswith("b[0]")


def test_one_nan_is_the_worst_whatever_comes_later():
    comparison = Comparison("pair")
    for found in (floats(0.5), floats(NAN), floats(9)):
        comparison.add({"y": floats(0), "z": floats(0)}, {"y": found, "z": floats(5)}, 1)
    metrics = comparison.metrics()
    assert math.isnan(metrics["parity.pair.tolerance"].value)
    assert metrics["parity.pair.tolerance"].note == "y[1]: 0 and nan"
    assert metrics["parity.pair.nonfinite"].value == 1


def test_infinities_on_both_sides_are_equal_and_noted():
    metrics = compared({"y": floats(INF, 1)}, {"y": floats(INF, 1)})
    assert metrics["tolerance"].value == metrics["nonfinite"].value == 0
    assert metrics["nonfinite"].note == "1 values are NaN or infinite in both forms"
    assert metrics["values"].value == metrics["outputs.y.values"].value == 1


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_an_output_that_is_never_finite_was_not_compared(value, exact):
    both = {"y": floats(value, value), "z": floats(1)}
    metrics = compared(both, both, exact=exact)
    assert metrics["outputs"].value == metrics["values"].value == 1
    unmatched = metrics["unmatched_outputs"]
    assert (unmatched.value, unmatched.note) == (1, "y is never finite")


def test_a_model_that_is_never_finite_is_not_a_pass():
    metrics = compared({"y": floats(NAN)}, {"y": floats(NAN)})
    assert metrics["values"].value == 0
    assert math.isnan(metrics["beyond_tolerance"].value)


def nan_with_payload(bits):
    return np.array([0x7FC00000 | bits], np.uint32).view(np.float32)


@pytest.mark.parametrize(
    ("expected", "found", "differing"),
    [
        (floats(0.0, 1), floats(-0.0, 1), 1),
        (floats(NAN), floats(NAN), 0),
        (nan_with_payload(1), nan_with_payload(2), 1),
        (floats(1, 2, 3), np.nextafter(floats(1, 2, 3), 9, dtype=np.float32), 3),
        (np.array([1, 2]), np.array([1, 3]), 1),
        (np.zeros((2, 3), np.float32).T, np.zeros((3, 2), np.float32), 0),
        (np.empty((0,), np.float32), np.empty((0,), np.float32), 0),
    ],
)
def test_exact_means_bit_for_bit(expected, found, differing):
    metrics = compared({"y": expected}, {"y": found}, exact=True)
    assert metrics["differing_values"].value == differing
    assert "tolerance" not in metrics


def test_an_output_that_is_always_empty_was_not_compared():
    metrics = compared({"y": floats(), "z": floats(1)}, {"y": floats(), "z": floats(1)})
    assert metrics["outputs"].value == metrics["values"].value == 1
    unmatched = metrics["unmatched_outputs"]
    assert (unmatched.value, unmatched.note) == (1, "y is always empty")
    assert math.isnan(metrics["outputs.y.tolerance"].value)


def test_an_output_that_is_empty_now_and_then_was_compared():
    comparison = Comparison("pair")
    for one in (floats(), floats(1, 2), floats()):
        comparison.add({"y": one}, {"y": one}, 1)
    metrics = comparison.metrics()
    assert metrics["parity.pair.unmatched_outputs"].value == 0
    assert metrics["parity.pair.values"].value == 2


def test_a_single_number_has_a_place():
    single = compared({"y": np.float32(1)[None].reshape(())}, {"y": np.full((), 2, np.float32)})
    assert single["tolerance"].note == "y[]: 1 and 2"


def test_the_note_says_what_the_input_was():
    comparison = Comparison("pair")
    comparison.add({"y": floats(0, 0)}, {"y": floats(0, 1)}, 2, "zeros", 0)
    comparison.add({"y": floats(0, 0)}, {"y": floats(7, 1)}, 2, "digits", 40)
    comparison.add({"y": floats(0, 0, 0)}, {"y": floats(0, 0, 9)}, 2, "odd", 40)
    metrics = comparison.metrics()
    assert metrics["parity.pair.tolerance"].note == "y[2]: 0 and 9 (odd)"
    assert metrics["parity.pair.beyond_tolerance"].value == 4


@pytest.mark.parametrize(
    ("rule", "beyond"),
    [
        ({}, 3),
        ({"atol": 0.1}, 2),
        ({"rtol": 0.5}, 1),
        ({"outputs": "y*", "atol": 10.0}, 0),
        ({"outputs": "z", "atol": 10.0}, 3),
    ],
)
def test_a_tolerance_of_ones_own(rule, beyond):
    expected, found = {"y": floats(1, 1, 1)}, {"y": floats(1.01, 1.4, 9)}
    metrics = compared(expected, found, rules=(Tolerance(**rule),))
    assert metrics["beyond_tolerance"].value == beyond


@pytest.mark.parametrize(("atol", "beyond"), [(0.0, 1), (0.1, 1), (1.0, 0)])
def test_a_lenient_comparison_is_as_strict_as_usual_at_most(atol, beyond):
    expected, found = {"y": floats(0, 0)}, {"y": floats(5e-5, 0.5)}
    rules = (Tolerance(atol=atol, rtol=0.0),)
    metrics = compared(expected, found, rules=rules, lenient=True)
    assert metrics["beyond_tolerance"].value == beyond


def test_beyond_tolerance_names_every_output_that_is():
    rules = (Tolerance(outputs="logits", atol=1.0), Tolerance(atol=0.0, rtol=0.0))
    expected = {"logits": floats(0), "a": floats(1), "b": floats(1)}
    metrics = compared(
        expected, {"logits": floats(0.9), "a": floats(1), "b": floats(2)}, rules=rules
    )
    assert metrics["beyond_tolerance"].value == 1
    assert metrics["beyond_tolerance"].note == "b[0]: 1 and 2"
    assert metrics["tolerance"].note == "logits[0]: 0 and 0.899999976"
    assert metrics["outputs.logits.beyond_tolerance"].value == 0
    assert metrics["outputs.logits.beyond_tolerance"].note == "atol 1, rtol 0.0001"


@pytest.mark.parametrize(
    ("found", "nonfinite", "beyond"),
    [
        (floats(NAN, INF, 1), 0, 0),
        (floats(NAN, INF, 2), 0, 1),
        (floats(NAN, -INF, 1), 1, 1),
        (floats(0, INF, 1), 1, 1),
        (floats(INF, NAN, 1), 2, 2),
        (floats(NAN, INF, NAN), 1, 1),
    ],
)
def test_nan_and_infinity_in_the_same_place_unless_the_recipe_says_otherwise(
    found, nonfinite, beyond
):
    expected = {"y": floats(NAN, INF, 1)}
    metrics = compared(expected, {"y": found})
    assert metrics["nonfinite"].value == nonfinite
    assert metrics["beyond_tolerance"].value == beyond
    strict = compared(expected, {"y": found}, rules=(Tolerance(nonfinite=False),))
    assert strict["nonfinite"].value >= 2
    assert strict["beyond_tolerance"].value >= 1


def test_names_that_are_no_part_of_a_figures_name():
    outputs = {"a/b:0": floats(1), "a_b_0": floats(2), "a.b": floats(3)}
    names = {name.rpartition(".")[0] for name in compared(outputs, outputs) if "outputs." in name}
    assert names == {"outputs.a_b_0", "outputs.a_b_0_2", "outputs.a.b"}


def test_text_is_equal_or_not():
    expected, found = np.array(["a", "b"], object), np.array(["a", "c"], object)
    assert compared({"y": expected}, {"y": found}, exact=True)["differing_values"].value == 1
    assert compared({"y": expected}, {"y": expected}, exact=True)["differing_values"].value == 0


def test_the_exact_link_says_where():
    metrics = compared({"y": floats(1, 2)}, {"y": floats(1, 3)}, exact=True)
    assert metrics["differing_values"].note == "y[1]: 2 and 3"


def test_a_side_without_any_output():
    comparison = Comparison("pair")
    comparison.add({"y": floats(1)}, {"y": floats(1)}, 1)
    comparison.fail("length of 7", "onnxruntime cannot run it")
    unmatched = comparison.metrics()["parity.pair.unmatched_outputs"]
    assert (unmatched.value, unmatched.note) == (1, "length of 7: onnxruntime cannot run it")


def test_large_integers_that_float64_cannot_tell_apart():
    metrics = compared({"y": np.array([2**60])}, {"y": np.array([2**60 + 1])})
    assert metrics["beyond_tolerance"].value == 1
