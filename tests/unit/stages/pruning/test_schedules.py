"""Schedules: the amount of each round."""

from itertools import pairwise

import pytest

from prunepack.stages.pruning.schedules import compute_sparsity, count_pruned


def test_iterative_prunes_an_equal_fraction_of_what_is_left():
    kept = [1 - compute_sparsity("iterative", 0.9, step, 4) for step in range(5)]
    ratios = [after / before for before, after in pairwise(kept)]
    assert ratios == pytest.approx([0.1**0.25] * 4)


def test_cubic_is_equation_1_of_zhu_and_gupta():
    # s_t = s_f + (s_i - s_f) (1 - t / n)^3 with s_i = 0, s_f = 0.8, n = 4, worked out by hand
    shares = [compute_sparsity("cubic", 0.8, step, 4) for step in range(1, 5)]
    assert shares == pytest.approx([0.4625, 0.7, 0.7875, 0.8])


def test_linear_prunes_an_equal_number_in_each_round():
    course = [compute_sparsity("linear", 0.8, step, 4) for step in range(1, 5)]
    assert course == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_one_shot_prunes_everything_at_once():
    assert compute_sparsity("one_shot", 0.3, 1, 1) == 0.3


@pytest.mark.parametrize(
    ("amount", "total", "ends_at"),
    [(0.9, 59_838, 53_854), (0.5, 5, 2), (0.5, 7, 4), (3, 10, 3), (0.0, 10, 0), (1.0, 10, 10)],
)
@pytest.mark.parametrize("schedule", ["iterative", "cubic"])
def test_the_last_round_ends_at_the_amount_as_torch_rounds_it(schedule, amount, total, ends_at):
    assert count_pruned(schedule, amount, total, 3, 3) == ends_at


def test_rounds_of_a_count():
    assert [count_pruned("cubic", 8, 10, step, 4) for step in range(1, 5)] == [5, 7, 8, 8]


def test_nothing_to_prune_is_no_division_by_zero():
    assert count_pruned("iterative", 0.5, 0, 1, 2) == 0
