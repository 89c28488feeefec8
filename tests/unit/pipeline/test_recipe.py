"""A recipe is read whole or refused with every problem in it."""

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.plan import Plan
from prunepack.pipeline.recipe import list_built_in_recipes, parse_literal, read_recipe
from prunepack.stages.evaluation.settings import VerifyConfig
from prunepack.stages.finalize import FinalizeConfig
from prunepack.stages.measure import MeasureConfig

EXPECTED = {
    *("lenet", "lenet300", "lenet5", "lenet-local", "lenet-global", "lenet-custom"),
    *("minilm", "crepe", "efficientnet_lite0", "resnet18", "vit"),
}


@pytest.fixture
def recipe(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return write


def refusal(path, settings=()):
    with pytest.raises(UsageError) as caught:
        read_recipe(path, settings)
    return str(caught.value)


def test_every_built_in_recipe_is_valid_and_says_what_it_is():
    recipes = list_built_in_recipes()
    assert set(recipes) == EXPECTED
    for name, line in recipes.items():
        assert read_recipe(name).name == name
        assert line.endswith(".")


def test_a_file_goes_by_its_stem(recipe):
    read = read_recipe(recipe("[prune]\namount = 0.5\n"))
    assert read.name == "mine"
    assert read.plan.prune.amount == 0.5


def test_an_empty_recipe_is_all_defaults(recipe):
    plan = read_recipe(recipe("")).plan
    assert plan.load.model == "lenet"
    assert plan.prune.amount == 0.9


@pytest.mark.parametrize(
    ("setting", "amount"),
    [("prune.amount=0.95", 0.95), ("prune.amount = 7", 7), ("prune.amount='8'", 8)],
)
def test_settings_win_over_the_file(recipe, setting, amount):
    assert read_recipe(recipe("[prune]\namount = 0.5\n"), [setting]).plan.prune.amount == amount


def test_a_setting_may_be_a_plain_word_or_a_list(recipe):
    plan = read_recipe(
        recipe(""),
        ["load.model=lenet300", 'gate.limits=["size.ratio >= 2"]', "measure.batch_sizes=[1]"],
    ).plan
    assert plan.load.model == "lenet300"
    assert tuple(map(str, plan.gate.limits)) == ("size.ratio >= 2",)
    assert plan.measure.batch_sizes == (1,)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("'3'", "3"), ("word", "word"), ("", "")],
)
def test_literals_are_toml_or_text(text, value):
    assert parse_literal(text) == value


def test_all_problems_are_told_with_their_path(recipe):
    said = refusal(
        recipe(
            "[prune]\namount = 2.5\n[finetune]\nepoch = 3\n"
            "[measure]\nrepeats = 'many'\nthreads = 0\n"
        )
    )
    assert "mine.toml has 4 problems: found prune.amount: a fraction lies" in said
    assert "prune.amount: a fraction lies between 0.0 and 1.0, found 2.5" in said
    assert "\nfinetune.epoch: no such setting. Did you mean `epochs`?" in said
    assert "\nmeasure.repeats: Input should be a valid integer" in said
    assert "(found 'many')" in said
    assert "\nmeasure.threads: Input should be greater than or equal to 1 (found 0)" in said


def test_a_problem_in_a_rule_is_told_with_its_number(recipe):
    said = refusal(recipe("[[prune.rules]]\nlayers = 'a'\n[[prune.rules]]\nlayer = 'b'\n"))
    assert (
        "has 1 problem: found prune.rules[2].layer: no such setting. Did you mean `layers`?" in said
    )


def test_a_problem_of_a_whole_table_is_told(recipe):
    said = refusal(recipe("[prune]\namount = 0.5\n[[prune.rules]]\nlayers = 'a'\n"))
    assert "prune: rules and amount are both given" in said


def test_what_is_not_toml_is_told_with_its_place(recipe):
    assert "is not TOML: found Expected '=' after a key" in refusal(recipe("[prune]\namount\n"))


def test_a_table_that_is_a_value_cannot_hold_a_setting(recipe):
    assert "expected a table load, found 3" in refusal(recipe("load = 3\n"), ["load.model=x"])


def test_unknown_names_and_unreadable_files_are_told(tmp_path):
    assert "no built-in recipe is named `lenet-lokal`. Did you mean `lenet-local`?" in refusal(
        "lenet-lokal"
    )
    assert "cannot be read" in refusal(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    assert "cannot be read" in refusal(str(tmp_path / "latin.toml"))


@pytest.mark.parametrize(("own", "proof"), [("", "a.npz"), ("b.npz", "b.npz")])
def test_finalize_runs_on_the_samples_of_verify_or_on_its_own(own, proof):
    plan = Plan(verify=VerifyConfig(inputs="a.npz"), finalize=FinalizeConfig(inputs=own))
    assert plan.proof == FinalizeConfig(inputs=proof)


def test_verify_compares_the_batch_sizes_that_measure_times():
    plan = Plan(
        verify=VerifyConfig(batch_sizes=(5, 8)), measure=MeasureConfig(batch_sizes=(1, 8, 64))
    )
    assert plan.comparison == VerifyConfig(batch_sizes=(5, 8, 1, 64))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("size.ration", "Did you mean `size.ratio`?"),
        ("foo.bar", "Choose among the metrics in the report of a run, or in "),
        ("accuracy", "Did you mean `accuracy."),
    ],
)
def test_a_limit_on_a_metric_that_no_stage_measures_is_told_before_any_has_run(recipe, name, hint):
    with pytest.raises(UsageError, match="on a metric that no stage measures") as refused:
        read_recipe(recipe(f'[gate]\nlimits = ["size.ratio >= 2", "{name} <= 3"]'))
    assert refused.value.hint.startswith(hint)


def test_limits_on_layers_outputs_and_globs_are_known_by_their_pattern(recipe):
    names = ("parity.torch_onnx.outputs.logits.tolerance", "latency.batch_7.ratio", "sparsity.*")
    limits = ", ".join(f'"{name} <= 3"' for name in names)
    assert len(read_recipe(recipe(f"[gate]\nlimits = [{limits}]")).plan.gate.limits) == 3
