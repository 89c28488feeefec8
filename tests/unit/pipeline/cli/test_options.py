"""Options are made from configs and give the same configs as a recipe."""

import click
import pytest
from click.testing import CliRunner

from prunepack.errors import UsageError
from prunepack.pipeline.cli.options import make_config, make_options
from prunepack.stages.export import ExportConfig
from prunepack.stages.gate import GateConfig
from prunepack.stages.load import LoadConfig
from prunepack.stages.measure import MeasureConfig
from prunepack.stages.prune import PruneConfig


def read(config_type, *words):
    """Return the config that the words of a command line say."""
    found = []
    command = click.Command(
        "x",
        params=make_options(config_type),
        callback=lambda **values: found.append(make_config(config_type, values)),
    )
    result = CliRunner().invoke(command, words, standalone_mode=False)
    if result.exception:
        raise result.exception
    return found[0]


@pytest.mark.parametrize("kind", [ExportConfig, GateConfig, LoadConfig, MeasureConfig, PruneConfig])
def test_no_option_means_the_defaults(kind):
    assert read(kind) == kind()
    assert read(kind).model_fields_set == set()


@pytest.mark.parametrize("kind", [ExportConfig, GateConfig, LoadConfig, MeasureConfig, PruneConfig])
def test_every_option_is_described(kind):
    assert all(option.help for option in make_options(kind))


def test_numbers_flags_choices_and_lists():
    assert read(PruneConfig, "--amount", "100").amount == 100
    assert read(PruneConfig, "--amount", "0.5").amount == 0.5
    assert read(PruneConfig, "--scope", "global").scope == "global"
    assert read(ExportConfig, "--no-dynamic-batch").dynamic_batch is False
    assert read(ExportConfig, "--opset", "20").opset == 20
    sizes = read(MeasureConfig, "--batch-sizes", "1", "--batch-sizes", "8").batch_sizes
    assert sizes == (1, 8)


def test_nested_configs_are_pairs():
    words = "layers=conv*,method=ln_structured,amount=0.5,norm=1", "layers=fc1,amount=10"
    rules = read(PruneConfig, "--rules", words[0], "--rules", words[1]).rules
    assert [(rule.layers, rule.amount) for rule in rules] == [("conv*", 0.5), ("fc1", 10)]
    assert rules[0].norm == 1


def test_options_of_a_method_keep_their_types():
    words = ("--method", "mine.py:Mine", "--options", "n=3", "--options", "name=x")
    assert read(PruneConfig, *words).options == {"n": 3, "name": "x"}


def test_inputs_have_shapes():
    words = ("--model", "net.py:build", "--inputs", "name=image,shape=3x32x32")
    assert read(LoadConfig, *words).inputs[0].shape == (3, 32, 32)


def test_all_problems_are_told_by_their_option():
    with pytest.raises(UsageError) as caught:
        read(MeasureConfig, "--repeats", "few", "--threads", "0")
    assert "--repeats: Input should be a valid integer" in str(caught.value)
    assert "--threads: Input should be greater than or equal to 1 (found '0')" in str(caught.value)


def test_a_pair_without_a_value_is_told():
    with pytest.raises(UsageError, match="`conv1` is not an option's value: expected KEY=VALUE"):
        read(PruneConfig, "--rules", "conv1")


def test_an_unknown_choice_is_clicks_to_tell():
    with pytest.raises(click.BadParameter, match="'sideways' is not one of"):
        read(PruneConfig, "--scope", "sideways")
