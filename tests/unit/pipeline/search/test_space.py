# ruff: noqa: E501 -- messages are quoted whole
"""The space of a search is checked whole, and its values reach the recipe."""

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.recipe import make_recipe
from prunepack.pipeline.search.space import list_dimensions, put_settings, read_settings

RULES = {"rules": [{"layers": "conv*", "amount": 0.2}, {"layers": "fc*", "amount": 0.9}]}


def read(space=None, prune=None, **search):
    tables = {"prune": prune or {}, "search": search | ({"space": space} if space else {})}
    return make_recipe("toy", "toy.toml", tables)


def refuse(*args, **settings):
    with pytest.raises(UsageError) as caught:
        read(*args, **settings)
    return caught.value


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"prune.amuont": [0.1, 0.2]}, "search.space: prune.amuont: no such setting. Did you mean `amount`?"),
        ({"prunes.amount": [0.1]}, "search.space: prunes: no such setting. Did you mean `prune`?"),
        ({"prune.amount.x": [1]}, "search.space: prune.amount: an amount is a number"),
        ({"load.model.x": [1]}, "search.space: load.model: Input should be a valid string"),
        ({"prune.rules.amount": [0.1]}, "search.space: prune.rules: Input should be a valid tuple"),
        ({"prune": [0.1]}, "'prune' is a table: name a setting in it, such as prune.amount"),
        ({"prune.rules[0].amount": [0.1]}, "is not the name of a setting: expected TABLE.KEY"),
        ({"prune.amount": {"low": 0.5, "high": 1.5}}, "prune.amount: a fraction lies between 0.0 and 1.0, found 1.5"),
        ({"finetune.epochs": {"low": -1, "high": 3}}, "finetune.epochs: Input should be greater than or equal to 0"),
        ({"prune.schedule": ["cubic", "square"]}, "prune.schedule: Input should be 'one_shot', "),
        ({"gate.relax": [True, False]}, "search.space: gate.relax judges the trials, so it cannot be searched"),
        ({"verify.seed": [1, 2]}, "search.space: verify.seed judges the trials"),
        ({"search.seed": [1, 2]}, "search.space: search.seed judges the trials"),
        ({"prune.amount": {"low": 0.9, "high": 0.5}}, 'search.space."prune.amount": the range is empty: expected low < high, found low 0.9 and high 0.5'),
        ({"prune.amount": {"low": 0.5, "high": 0.5}}, "the range is empty"),
        ({"prune.amount": {"low": 0.5}}, "expected a range { low = 0.8, high = 0.95 } or a list of choices, found {'low': 0.5}"),
        ({"prune.amount": 0.5}, "expected a range { low = 0.8, high = 0.95 } or a list of choices, found nothing"),
        ({"prune.amount": []}, "expected a range"),
        ({"finetune.lr": {"low": 0.0, "high": 1.0, "log": True}}, "a logarithmic range begins above 0, found low 0.0"),
        ({"prune.amount": {"low": 0.1, "high": 0.2, "lgo": True}}, 'search.space."prune.amount".lgo: no such setting. Did you mean `low`?'),
        ({"prune.seed": [1, 1]}, "a choice is given twice: give each one once"),
        ({"prune.seed": {"choices": [1, 2], "low": 1}}, "choices have no low, high and log: give either of them"),
    ],
)  # fmt: skip
def test_a_wrong_space_is_refused(space, message):
    assert message in refuse(space).found


def test_a_rule_that_does_not_exist_is_refused():
    error = refuse({"prune.rules[3].amount": [0.1, 0.2]}, RULES)
    assert error.found == (
        "search.space: prune.rules[3].amount: the recipe has 2 of them, found number 3"
    )


def test_every_problem_is_listed_at_once():
    error = refuse({"prune.amuont": [1], "finetune.lr": [-1.0], "gate.skip": [[]]})
    assert error.what == "toy.toml has 3 problems"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size.artifact", "`size.artifact` is not an objective: expected `minimize METRIC` or "),
        ("minimise size.artifact", "is not an objective"),
        ("minimize size.artfact", "no metric is named `size.artfact`. Did you mean `size.artifact`?"),
        ("minimize accuracy.artifact", "asks for the worse side of accuracy.artifact"),
        ("maximize size.artifact", "asks for the worse side of size.artifact: ask for the other one"),
    ],
)  # fmt: skip
def test_a_wrong_objective_is_refused(text, message):
    assert message in refuse(objectives=[text]).found


def test_keys_without_quotes_are_names():
    space = {"prune": {"amount": {"low": 0.5, "high": 0.9}, "seed": [1, 2]}}
    assert list(read(space).plan.search.space) == ["prune.amount", "prune.seed"]


def test_keys_of_free_tables_may_be_searched():
    assert list(read({"finetune.arguments.gain": [1, 2]}).plan.search.space)


def test_the_usual_space_surrounds_the_amounts():
    (amount,) = list_dimensions(read(prune={"amount": 0.9}).plan).values()
    assert (amount.low, amount.high) == (0.8, 0.975)
    rules = list_dimensions(read(prune=RULES).plan)
    assert {name: (each.low, each.high) for name, each in rules.items()} == {
        "prune.rules[1].amount": (0.0, 0.8),
        "prune.rules[2].amount": (0.8, 0.975),
    }
    (count,) = list_dimensions(read(prune={"amount": 100}).plan).values()
    assert (count.low, count.high, count.is_whole) == (50, 201, True)
    assert list_dimensions(read(prune={"method": "n_m"}).plan) == {}


def test_settings_are_put_into_a_copy_without_the_search():
    recipe = read({"prune.rules[2].amount": [0.5, 0.6], "finetune.lr": [0.1]}, RULES)
    tables = put_settings(recipe.tables, {"prune.rules[2].amount": 0.5, "finetune.lr": 0.1})
    assert tables["prune"]["rules"][1] == {"layers": "fc*", "amount": 0.5}
    assert tables["finetune"] == {"lr": 0.1}
    assert "search" not in tables
    assert recipe.tables["prune"]["rules"][1]["amount"] == 0.9
    assert make_recipe("toy", "toy.toml", tables).plan.finetune.lr == 0.1


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"prune.schedule": "one_shot", "prune.steps": 4}, 1),
        ({"prune.schedule": "cubic", "prune.steps": 1}, 2),
        ({"prune.schedule": "cubic", "prune.steps": 4}, 4),
        ({"prune.schedule": "cubic"}, 2),
    ],
)
def test_a_schedule_has_the_steps_that_it_can_have(settings, steps):
    recipe = make_recipe("toy", "toy.toml", put_settings({}, settings))
    assert recipe.plan.prune.steps == steps


def test_the_values_of_a_recipe_are_read_by_name():
    names = {"prune.rules[2].amount": 0, "finetune.lr": 0, "finetune.arguments.x": 0}
    assert list(read_settings(read(prune=RULES).plan, names).values()) == [0.9, 1e-3, None]
