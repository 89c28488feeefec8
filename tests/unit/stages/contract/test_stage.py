"""Properties of every stage and every config."""

import math
from dataclasses import replace

import pytest
from pydantic import Field, ValidationError

from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint, PackedArtifact
from prunepack.stages.contract.stage import Config, stage


class Choice(Config):
    amount: float = Field(0.5, description="How much.")


@stage(produces=(Checkpoint, PackedArtifact), tools=("numpy",))
def polish(config: Choice, out, model: Checkpoint | MaskedCheckpoint, other: PackedArtifact):
    return {"summary": f"{config.amount} into {out}"}


def test_a_stage_is_named_after_its_function():
    assert polish.name == "polish"
    assert polish.body.__name__ == "polish"
    assert replace(polish, name="polish_again").name == "polish_again"


def test_a_stage_knows_its_config():
    assert polish.config_type is Choice


def test_a_stage_knows_its_inputs_in_order():
    assert list(polish.inputs.items()) == [
        ("model", (Checkpoint, MaskedCheckpoint)),
        ("other", (PackedArtifact,)),
    ]


def test_what_a_stage_declares():
    assert polish.produces == (Checkpoint, PackedArtifact)
    assert polish.tools == ("numpy",)
    assert polish.host_bound is False


def test_one_kind_is_a_tuple_of_one():
    @stage(produces=PackedArtifact)
    def wrap(config: Choice, out):
        return {"summary": ""}

    assert wrap.produces == (PackedArtifact,)
    assert wrap.inputs == {}


def test_a_config_cannot_be_changed():
    config = Choice()
    with pytest.raises(ValidationError, match="frozen"):
        config.amount = 1.0


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"amuont": 1}, "Extra inputs are not permitted"),
        ({"amount": math.nan}, "finite number"),
        ({"amount": math.inf}, "finite number"),
        ({"amount": "much"}, "valid number"),
    ],
)
def test_a_config_takes_only_what_it_declares(given, problem):
    with pytest.raises(ValidationError, match=problem):
        Choice(**given)


def test_a_wrong_default_is_found_as_well():
    class Wrong(Config):
        amount: float = math.nan

    with pytest.raises(ValidationError, match="finite number"):
        Wrong()
