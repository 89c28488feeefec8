"""A draw depends on seed, number and earlier results alone."""

import pytest

from prunepack.pipeline.search.config import Dimension
from prunepack.pipeline.search.objective import parse_objective
from prunepack.pipeline.search.sampling import draw_settings, find_generation, find_params
from tests.unit.pipeline.search.searches import compute

pytest.importorskip("optuna")
GOALS = [parse_objective(t) for t in ("maximize accuracy.artifact", "minimize size.artifact")]
SPACE = {
    "prune.amount": Dimension(low=0.5, high=0.95),
    "finetune.lr": Dimension(low=1e-4, high=1e-1, log=True),
    "prune.steps": Dimension(low=1, high=5),
    "prune.exclude": Dimension(choices=([], ["first"], ["first", "last"])),
    "prune.scope": Dimension(choices=("local", "global")),
}


def draw(number, earlier=(), seed=0):
    return draw_settings(SPACE, GOALS, seed, number, earlier)


def test_generations_follow_the_recipe():
    assert [find_generation(n, 4) for n in range(10)] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert [find_generation(n, 1) for n in range(4)] == [0, 1, 2, 3]


def test_a_draw_can_be_repeated():
    earlier = [compute(n, draw(n)) for n in range(12)]
    assert [draw(n, earlier) for n in (13, 14, 15)] == [draw(n, earlier) for n in (13, 14, 15)]


def test_numbers_seeds_and_results_decide():
    earlier = [compute(n, draw(n)) for n in range(12)]
    other = [result.model_copy(update={"violation": n % 2}) for n, result in enumerate(earlier)]
    drawn = [draw(13, earlier), draw(14, earlier), draw(13, earlier, seed=1), draw(13, other)]
    assert len({repr(each) for each in drawn}) == 4


def test_values_are_in_the_space_with_few_digits():
    for settings in map(draw, range(30)):
        assert find_params(SPACE, settings) is not None
        assert 0.5 <= settings["prune.amount"] <= 0.95
        assert len(f"{settings['finetune.lr']:.12g}".replace("0.", "").lstrip("0")) <= 8
        assert settings["prune.steps"] in range(1, 6)
        assert settings["prune.exclude"] in ([], ["first"], ["first", "last"])
        assert type(settings["prune.steps"]) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prune.amount", 0.4),
        ("prune.amount", None),
        ("prune.amount", True),
        ("prune.steps", 2.5),
        ("prune.scope", "auto"),
        ("prune.exclude", ["last"]),
    ],
)
def test_settings_outside_of_the_space_teach_nothing(name, value):
    assert find_params(SPACE, draw(1) | {name: value}) is None


def test_stopped_trials_count_as_poor_ones():
    earlier = [compute(n, draw(n)) for n in range(12)]
    stopped = {"state": "stopped", "scores": {}, "reason": "hopeless"}
    mixed = [r.model_copy(update=stopped) if r.violation else r for r in earlier]
    assert find_params(SPACE, draw(13, mixed)) is not None
