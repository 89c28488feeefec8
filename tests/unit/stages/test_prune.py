"""The prune stage: its config, what it writes and what it records."""

import copy
import json
import subprocess
import sys
from itertools import count

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunepack.stages.contract.model_spec import InputSpec, ModelSpec, read_spec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import (
    digest_state,
    open_model,
    save_checkpoint,
    save_masked,
)
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.sources.module_sources import build_module

MODEL = """
from torch import nn


class Tied(nn.Module):
    '''An embedding that is also the output matrix, and a layer that is used twice.'''

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.again = nn.Linear(4, 4)
        self.same = self.again
        self.head = nn.Linear(4, 6)
        self.head.weight = self.embedding.weight

    def forward(self, ids):
        return self.head(self.same(self.again(self.embedding(ids))))


def stack():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5, bias=False)
    )
"""
STACK_WEIGHTS = 4 * 2 * 3 * 3 + 16 * 5


@pytest.fixture
def dense(tmp_path):
    source = tmp_path / "model.py"
    source.write_text(MODEL)

    def make(factory="stack"):
        spec = ModelSpec(model=f"{source}:{factory}", inputs=(InputSpec(shape=(2, 4, 4)),))
        out = tmp_path / f"dense_{factory}"
        out.mkdir()
        save_checkpoint(out, build_module(spec.model), spec)
        return Checkpoint(out, "")

    return make


@pytest.fixture
def run(tmp_path):
    numbers = count()

    def make(source, **config):
        out = tmp_path / f"masked{next(numbers)}"
        out.mkdir()
        facts = prune.body(PruneConfig(**config), out, source)
        return MaskedCheckpoint(out, ""), facts

    return make


def problem(**fields):
    with pytest.raises(ValidationError) as caught:
        PruneConfig(**fields)
    (error,) = caught.value.errors()
    return error["msg"].removeprefix("Value error, ")


# --- the config ------------------------------------------------------------------------------


def test_rules_take_the_place_of_the_shorthand():
    assert problem(rules=[{"layers": "fc"}], amount=0.5, method="identity") == (
        "rules and method, amount are both given: give them in the rules, or leave the rules out"
    )


def test_one_shot_has_one_step():
    assert problem(steps=3) == "one_shot has 1 step, found 3: choose iterative, linear or cubic"


def test_a_schedule_has_several():
    assert problem(schedule="cubic") == "cubic needs at least 2 steps, found 1: set steps"


def test_a_step_beyond_the_last():
    assert problem(schedule="cubic", steps=3, step=4) == "there are 3 steps, found step 4"


def test_a_rule_in_the_rules_is_checked_as_well():
    assert problem(rules=[{"amount": 2.5}]).startswith("a fraction lies between 0.0 and 1.0")


def test_one_shot_is_one_round():
    config = PruneConfig(amount=0.5)
    assert config.rounds == [config]


def test_a_schedule_is_a_round_for_each_step():
    rounds = PruneConfig(rules=[{"amount": 0.5}], schedule="iterative", steps=3).rounds
    assert [one.step for one in rounds] == [1, 2, 3]
    assert {one.steps for one in rounds} == {3}
    assert {one.rules[0].amount for one in rounds} == {0.5}


def test_a_config_survives_json():
    config = PruneConfig(rules=[{"amount": 1}, {"amount": 1.0, "parameter": "bias"}])
    text = config.model_dump_json(exclude_unset=True)
    assert PruneConfig.model_validate_json(text) == config


def test_neither_configs_nor_stages_import_torch():
    code = (
        "import sys; import prunepack.stages.prune, prunepack.stages.undo; "
        "import prunepack.stages.models.inspection; "
        "prunepack.stages.prune.PruneConfig(method='n_m'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_the_stage_declares():
    assert prune.name == "prune"
    assert prune.config_type is PruneConfig
    assert prune.inputs == {"model": (Checkpoint, MaskedCheckpoint)}
    assert prune.produces == (MaskedCheckpoint,)


# --- what it writes --------------------------------------------------------------------------


def test_by_default_nine_tenths_of_all_weights_together_go(dense, run):
    masked, facts = run(dense())
    assert facts == {
        "summary": "90.1 % of 152 weights pruned, l1_unstructured global",
        "sparsity": 137 / STACK_WEIGHTS,
        "pruned": 137,
        "weights": STACK_WEIGHTS,
        "prunable": STACK_WEIGHTS,
        "tensors": 2,
    }
    module, _ = open_model(masked)
    both = torch.cat([one.original.flatten() for one in pruned_parameters(module)]).abs()
    keep = torch.cat([one.mask.flatten() for one in pruned_parameters(module)]).bool()
    assert both[~keep].max() <= both[keep].min()


def test_the_shorthand_is_one_rule(dense, run):
    source, fields = dense(), {"amount": 0.3, "layers": "4"}
    (short, facts), (rule, same) = run(source, **fields), run(source, rules=[fields])
    assert facts == same
    assert short.state_dict.read_bytes() == rule.state_dict.read_bytes()


def test_the_same_config_writes_the_same_bytes(dense, run):
    source = dense()
    one, two = (run(source, method="random_unstructured")[0] for _ in range(2))
    for name in MaskedCheckpoint.files:
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes(), name


def test_each_rule_prunes_its_own_layers(dense, run):
    rules = [
        {"layers": "0", "method": "ln_structured", "amount": 1},
        {"layers": "*", "amount": 0.5},
        {"layers": "0", "parameter": "bias", "amount": 3},
    ]
    masked, facts = run(dense(), rules=rules)
    module, spec = open_model(masked)
    assert {one.name: int((one.mask == 0).sum()) for one in pruned_parameters(module)} == {
        "0.weight": 18,
        "0.bias": 3,
        "4.weight": 40,
    }
    assert facts["summary"] == "39.1 % of 156 weights pruned, 3 rules"
    assert {(p.layer, p.parameter): p.methods for p in spec.pruned} == {
        ("0", "weight"): ("ln_structured",),
        ("0", "bias"): ("l1_unstructured",),
        ("4", "weight"): ("l1_unstructured",),
    }


def test_local_means_the_amount_of_each_tensor(dense, run):
    module, _ = open_model(run(dense(), amount=0.5, scope="local")[0])
    assert [int((one.mask == 0).sum()) for one in pruned_parameters(module)] == [36, 40]


def test_weights_and_buffers_stay_as_they_are(dense, run):
    source = dense()
    before = open_model(source)[0].state_dict()
    module, spec = open_model(run(source)[0])
    masked = {one.name: one for one in pruned_parameters(module)}
    for name, tensor in before.items():
        now = masked[name].original if name in masked else module.state_dict()[name]
        assert torch.equal(now, tensor), name
    assert spec.before_pruning == digest_state(before)


def test_plain_torch_loads_the_state_dict(dense, run):
    masked, _ = run(dense(), amount=0.5)
    ours, spec = open_model(masked)
    plain = build_module(spec.model).eval()
    for one in spec.pruned:
        torch_prune.identity(plain.get_submodule(one.layer), one.parameter)
    plain.load_state_dict(torch.load(masked.state_dict, weights_only=True))
    x = torch.randn(3, 2, 4, 4)
    assert torch.equal(plain(x), ours(x))


def test_a_reopened_model_can_be_copied_at_once(dense, run):
    module, _ = open_model(run(dense())[0])
    x = torch.randn(3, 2, 4, 4)
    assert torch.equal(copy.deepcopy(module)(x), module(x))


# --- again and again -------------------------------------------------------------------------


def test_the_history_of_methods_is_kept(dense, run):
    first, _ = run(dense(), amount=0.5, layers="4")
    second, facts = run(first, method="ln_structured", amount=1)
    spec, before = read_spec(second.path), read_spec(first.path).before_pruning
    assert {one.layer: one.methods for one in spec.pruned} == {
        "0": ("ln_structured",),
        "4": ("l1_unstructured", "ln_structured"),
    }
    assert spec.before_pruning == before
    assert facts["summary"].endswith("of 152 weights pruned, ln_structured local")


def test_rounds_end_at_the_amount_and_never_bring_a_weight_back(dense, run):
    source, kept, shares = dense(), None, []
    for config in PruneConfig(amount=0.9, schedule="cubic", steps=3).rounds:
        source, facts = run(source, **config.model_dump(exclude_unset=True))
        mask = torch.cat([one.mask.flatten() for one in pruned_parameters(open_model(source)[0])])
        assert kept is None or bool((mask <= kept).all())
        kept, shares = mask, [*shares, facts["pruned"]]
    assert shares == [96, 132, 137]  # 152 weights: 0.9 (1 - (2/3)³), 0.9 (1 - (1/3)³), 0.9
    assert facts["summary"].endswith("l1_unstructured global, round 3 of 3")


def test_a_round_whose_share_is_reached_already_prunes_nothing(dense, run):
    source, _ = run(dense(), amount=0.8)
    _, facts = run(source, amount=0.9, schedule="iterative", steps=4, step=1)
    assert facts["pruned"] == 122


def test_a_schedule_of_channels_counts_channels(dense, run):
    fields = {"method": "ln_structured", "amount": 0.75, "layers": "0"}
    source = dense()
    for step, channels in ((1, 2), (2, 3)):
        source, facts = run(source, **fields, schedule="iterative", steps=2, step=step)
        assert facts["pruned"] == channels * 18


def test_a_schedule_over_more_weights_than_there_are(dense, run):
    with pytest.raises(Exception, match="at most 80 weights, found 81"):
        run(dense(), amount=81, layers="4", schedule="cubic", steps=2)


def test_a_masked_model_of_unknown_origin_stays_unknown(dense, run, tmp_path):
    source, _ = run(dense())
    module, spec = open_model(source)
    out = tmp_path / "unknown"
    out.mkdir()
    save_masked(out, module, spec.model_copy(update={"before_pruning": ""}))
    again, _ = run(MaskedCheckpoint(out, ""))
    assert read_spec(again.path).before_pruning == ""


# --- shared weights --------------------------------------------------------------------------


def test_a_shared_weight_is_pruned_once_and_masked_everywhere(dense, run):
    masked, facts = run(dense("Tied"), amount=0.5)
    module, spec = open_model(masked)
    assert facts["weights"] == 24 + 16
    assert facts["pruned"] == 20
    assert torch.equal(module.embedding.weight_mask, module.head.weight_mask)
    assert module.embedding.weight_orig is module.head.weight_orig
    assert [(one.layer, one.parameter) for one in spec.pruned] == [
        ("embedding", "weight"),
        ("again", "weight"),
        ("head", "weight"),
    ]
    assert {one.methods for one in spec.pruned} == {("l1_unstructured",)}


@pytest.mark.parametrize("layers", ["embedding", "head"])
def test_a_rule_for_one_of_its_names_masks_all_of_them(dense, run, layers):
    module, _ = open_model(run(dense("Tied"), amount=5, layers=layers)[0])
    assert int((module.embedding.weight_mask == 0).sum()) == 5
    assert torch.equal(module.embedding.weight_mask, module.head.weight_mask)


def test_a_layer_under_two_names_goes_by_either(dense, run):
    module, _ = open_model(run(dense("Tied"), amount=5, layers="same")[0])
    assert int((module.again.weight_mask == 0).sum()) == 5


def test_a_model_with_shared_weights_computes_the_same_when_finalized(dense, run):
    source, _ = run(dense("Tied"), amount=0.5)
    module, _ = open_model(run(source, method="ln_structured", amount=1)[0])
    ids = torch.arange(6)
    before = module(ids)
    for one in list(pruned_parameters(module)):
        torch_prune.remove(one.module, one.parameter)
    assert torch.equal(module(ids), before)
    assert module.embedding.weight is module.head.weight


def test_facts_are_json(dense, run):
    _, facts = run(dense())
    assert json.loads(json.dumps(facts)) == facts


def test_a_model_that_is_one_layer(run, tmp_path):
    source = tmp_path / "one.py"
    source.write_text("from torch import nn\n\n\ndef build():\n    return nn.Linear(4, 4)\n")
    out = tmp_path / "dense_one"
    out.mkdir()
    spec = ModelSpec(model=f"{source}:build", inputs=(InputSpec(shape=(4,)),))
    save_checkpoint(out, nn.Linear(4, 4), spec)
    module, _ = open_model(run(Checkpoint(out, ""), amount=0.5)[0])
    assert [one.name for one in pruned_parameters(module)] == ["weight"]
