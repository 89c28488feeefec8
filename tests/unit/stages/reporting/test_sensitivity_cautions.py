"""Suggested rules that should not be used as they are have a caution."""

import pytest

from prunepack.stages.details.sensitivity import LayerAmount
from prunepack.stages.reporting.page.sensitivity import to_sensitivity_html
from prunepack.stages.reporting.page.sensitivity_cautions import list_sensitivity_cautions
from tests.unit.stages.reporting.sensitivity_records import make_outcome, make_sensitivity


def choose(measured, *amounts):
    rules = tuple(
        LayerAmount(layer=f"layer{index}", amount=amount) for index, amount in enumerate(amounts)
    )
    best = measured.suggestions[0].model_copy(update={"amounts": rules})
    return measured.model_copy(update={"suggestions": (best,)})


def test_good_rules_have_no_caution():
    assert list_sensitivity_cautions(make_sensitivity()) == []


@pytest.mark.parametrize(
    ("amounts", "ends"),
    [((0.98, 0.98), True), ((0.97995, 0.98), True), ((0.98, 0.9), False), ((0.98,), False)],
)
def test_rules_at_the_end_of_the_grid(amounts, ends):
    cautions = list_sensitivity_cautions(choose(make_sensitivity(2), *amounts))
    sentence = "The grid ends at 0.98, so all layers get it: measure larger amounts."
    assert cautions == [sentence] * ends


def test_rules_that_lose_beyond_the_intervals():
    measured = make_sensitivity(drop=60)
    recipe, magnitude = list_sensitivity_cautions(measured)
    assert recipe.startswith("The suggested rules lose to the recipe's own rules, beyond the")
    assert magnitude.startswith("The suggested rules lose to global magnitude, beyond the")
    assert "lose to global magnitude" in to_sensitivity_html(measured, "x", "")


@pytest.mark.parametrize("drop", [44.5, 46.4, 21])
def test_rules_within_the_intervals_do_not_lose(drop):
    assert list_sensitivity_cautions(make_sensitivity(drop=drop)) == []


def test_a_recipe_that_prunes_less_is_not_compared():
    less = make_outcome(1).model_copy(update={"sparsity": 0.5})
    measured = make_sensitivity(drop=44).model_copy(update={"recipe": less})
    assert list_sensitivity_cautions(measured) == []
