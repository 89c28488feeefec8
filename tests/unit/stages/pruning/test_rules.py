"""Rules: valid fields, the parameters that they cover, and errors."""

import math

import pytest
from pydantic import ValidationError
from torch import nn

from prunepack.errors import UsageError
from prunepack.stages.pruning.assignment import assign_rules
from prunepack.stages.pruning.rules import Rule
from prunepack.stages.pruning.targets import prunable_parameters


def problem(**fields):
    with pytest.raises(ValidationError) as caught:
        Rule(**fields)
    (error,) = caught.value.errors()
    return error["msg"].removeprefix("Value error, ")


# --- amounts: int counts, float shares -------------------------------------------------------


@pytest.mark.parametrize("amount", [0, 1, 1500, 0.0, 0.34, 1.0])
def test_an_amount_is_a_count_or_a_fraction_and_stays_what_it_is(amount):
    rule = Rule(amount=amount)
    assert rule.amount == amount
    assert type(rule.amount) is type(amount)
    assert type(Rule.model_validate_json(rule.model_dump_json()).amount) is type(amount)


@pytest.mark.parametrize(
    ("text", "amount"), [("100", 100), ("0.5", 0.5), ("1.", 1.0), ("1e-1", 0.1)]
)
def test_an_amount_on_the_command_line_is_a_fraction_if_it_has_a_point(text, amount):
    assert Rule(amount=text).amount == amount
    assert type(Rule(amount=text).amount) is type(amount)


@pytest.mark.parametrize("amount", [1.1, 20.0, -0.1, math.inf, math.nan, "1.5"])
def test_a_fraction_out_of_range(amount):
    found = float(amount)
    assert problem(amount=amount) == (
        f"a fraction lies between 0.0 and 1.0, found {found} (a count is whole)"
    )


def test_a_negative_count():
    assert problem(amount=-10) == "a count is not negative, found -10"


@pytest.mark.parametrize("amount", ["much", "1.2.3", True, None, [1]])
def test_what_is_no_number(amount):
    assert problem(amount=amount) == f"an amount is a number such as 0.9 or 100, found {amount!r}"


# --- norms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "norm"),
    [
        (1, 1.0),
        ("2", 2.0),
        (0, 0.0),
        ("inf", "inf"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        ("Infinity", "inf"),
        ("fro", "fro"),
        ("nuc", "nuc"),
    ],
)
def test_norms_survive_json(given, norm):
    rule = Rule(method="ln_structured", norm=given)
    assert rule.norm == norm
    assert Rule.model_validate_json(rule.model_dump_json()) == rule


@pytest.mark.parametrize("norm", ["l2", math.nan, None, True])
def test_what_is_no_norm(norm):
    assert problem(method="ln_structured", norm=norm) == (
        f"a norm is a number such as 1 or 2, inf, -inf, fro or nuc, found {norm!r}"
    )


# --- methods and their options ---------------------------------------------------------------


def test_an_unknown_method():
    assert problem(method="l1_unstructed") == (
        "no pruning method is named `l1_unstructed`. Did you mean `l1_unstructured`?"
    )


@pytest.mark.parametrize(
    ("field", "value", "owner"),
    [
        ("norm", 1, "ln_structured"),
        ("pattern", "1:4", "n_m or wanda_n_m or admm_n_m"),
        ("mask_file", "m.safetensors", "custom_from_mask"),
    ],
)
def test_an_option_of_another_method(field, value, owner):
    assert problem(**{field: value}) == (
        f"{field} is for the method {owner}, found method l1_unstructured"
    )


def test_options_for_a_built_in_method():
    assert problem(options={"k": 1}) == (
        "options are for your own method, found method l1_unstructured"
    )


def test_a_custom_mask_without_a_file():
    assert problem(method="custom_from_mask") == (
        "the method custom_from_mask needs a mask_file, found none"
    )


@pytest.mark.parametrize("pattern", ["0:4", "4:4", "5:4"])
def test_a_pattern_that_keeps_nothing_or_everything(pattern):
    assert problem(method="n_m", pattern=pattern) == (
        f"a pattern N:M has 0 < N < M, such as 2:4, found {pattern}"
    )


def test_a_pattern_that_is_none():
    assert "should match pattern" in problem(method="n_m", pattern="2/4")


def test_layers_that_are_no_regular_expression():
    assert problem(layers="re:conv[") == (
        "layers `re:conv[` is not a regular expression: unterminated character set at position 4"
    )


# --- which parameters a rule takes -----------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "layer", "yes"),
    [
        ("*", "encoder.0.fc", True),
        ("*", "", True),
        ("encoder.*", "encoder.0.fc", True),
        ("fc?", "fc1", True),
        ("fc?", "fc10", False),
        ("FC1", "fc1", False),
        ("re:fc[12]", "fc2", True),
        ("re:fc", "fc2", False),
        ("re:(?!head).*", "head", False),
    ],
)
def test_matching_layers(layers, layer, yes):
    assert Rule(layers=layers).matches(layer) is yes


def model():
    layers = {
        "conv1": nn.Conv2d(1, 2, 3, bias=False),
        "norm": nn.BatchNorm2d(2),
        "conv2": nn.Conv2d(2, 2, 3),
        "fc": nn.Linear(2, 2),
    }
    return nn.ModuleDict(layers)


def taken(*rules):
    jobs = assign_rules(rules, prunable_parameters(model()))
    return [[target.name for target in targets] for _, targets in jobs]


def failure(*rules):
    with pytest.raises(UsageError) as caught:
        assign_rules(rules, prunable_parameters(model()))
    return str(caught.value)


def test_a_star_takes_every_weight_and_spares_normalisations():
    assert taken(Rule()) == [["conv1.weight", "conv2.weight", "fc.weight"]]


def test_the_first_rule_that_matches_wins():
    assert taken(Rule(layers="fc"), Rule()) == [["fc.weight"], ["conv1.weight", "conv2.weight"]]


def test_weight_and_bias_of_a_layer_can_have_a_rule_each():
    assert taken(Rule(), Rule(parameter="bias"))[1] == ["conv2.bias", "fc.bias"]


def test_a_tied_weight_answers_to_any_of_its_names():
    tied = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    tied["b"].weight = tied["a"].weight
    (job,) = assign_rules([Rule(layers="b")], prunable_parameters(tied))
    assert [target.name for target in job[1]] == ["a.weight"]


def test_a_rule_for_a_layer_that_is_not_there():
    assert failure(Rule(), Rule(layers="conv3")) == (
        "the rule for layers `conv3` prunes nothing: expected the name of a layer with a "
        "parameter of two or more dimensions, found none that matches. "
        "Did you mean conv2, conv1?"
    )


def test_a_rule_for_a_layer_that_cannot_be_pruned():
    assert failure(Rule(layers="norm")).endswith(
        "found none that matches. Choose among: conv1, conv2, fc"
    )


def test_a_rule_for_a_parameter_that_is_not_there():
    assert failure(Rule(layers="conv1", parameter="bias")) == (
        "the rule for layers `conv1` prunes nothing: expected a layer with a bias, "
        "found conv1 with weight"
    )


def test_a_rule_that_comes_too_late():
    assert failure(Rule(), Rule(layers="fc")) == (
        "the rule for layers `fc` prunes nothing: found an earlier rule for weight that "
        "matches the same layers. Put the narrower rule first: the first rule that matches wins"
    )


def test_many_layers_are_listed_in_part():
    many = nn.ModuleDict({f"block{i}": nn.Linear(1, 1) for i in range(20)})
    with pytest.raises(UsageError) as caught:
        assign_rules([Rule(layers="zzz")], prunable_parameters(many))
    assert str(caught.value).endswith(
        "Choose among: block0, block1, block2, block3, block4, block5, block6, block7, …"
    )


def test_the_model_itself_has_a_name_in_messages():
    with pytest.raises(UsageError, match=r"Choose among: \(the model itself\)$"):
        assign_rules([Rule(layers="fc")], prunable_parameters(nn.Linear(1, 1)))


def test_a_model_without_anything_to_prune():
    with pytest.raises(UsageError, match=r"Choose among: none$"):
        assign_rules([Rule()], prunable_parameters(nn.ReLU()))
