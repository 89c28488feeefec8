"""Every built-in recipe passes its own gate, models trained on first use included."""

import pytest

from prunepack.pipeline.recipe import list_built_in_recipes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("recipe", sorted(list_built_in_recipes()))
def test_a_recipe_passes_its_gate(prunepack, recipe):
    done = prunepack("run", recipe)
    assert done.code == 0, done.out + done.err
    assert "Verdict: passed" in done.out
