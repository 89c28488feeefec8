"""Laws of pruning: exact counts, masks that only shrink, rules in order, schedules that arrive."""

from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.assignment import assign_rules
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.pruning.rules import Rule
from prunepack.stages.pruning.schedules import count_pruned
from prunepack.stages.pruning.targets import prunable_parameters
from prunepack.stages.sources.module_sources import build_module
from prunepack.stages.undo import UndoConfig, undo

MODEL = """
from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(4, 6, 2), nn.Flatten(), nn.Linear(24, 5), nn.Linear(5, 7))
"""
SIZES = {"0.weight": 96, "2.weight": 120, "3.weight": 35}
TOTAL = sum(SIZES.values())
FEW = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    folder = tmp_path_factory.mktemp("laws")
    (folder / "model.py").write_text(MODEL)
    spec = ModelSpec(model=f"{folder}/model.py:build", inputs=(InputSpec(shape=(4, 3, 3)),))
    save_checkpoint(folder, build_module(spec.model), spec)
    return Checkpoint(folder, "")


def steps_of(source, configs):
    """Yield the masks by name, first those of nothing pruned, then after each config."""
    yield {name: torch.ones(size) for name, size in SIZES.items()}
    with TemporaryDirectory() as folder:
        for index, config in zip(count(), configs):
            out = Path(folder) / str(index)
            out.mkdir()
            prune.body(config, out, source)
            source = MaskedCheckpoint(out, "")
            module, _ = open_model(source)
            masks = {one.name: one.mask.flatten() for one in pruned_parameters(module)}
            yield {name: masks.get(name, torch.ones(size)) for name, size in SIZES.items()}


def zeros(masks):
    return sum(int((mask == 0).sum()) for mask in masks.values())


fractions = st.floats(0, 1)
amounts = fractions | st.integers(0, min(SIZES.values()))
unstructured = st.sampled_from(["l1_unstructured", "random_unstructured"])
structured = st.builds(
    dict,
    method=st.sampled_from(["ln_structured", "random_structured"]),
    amount=fractions,
    dim=st.sampled_from([0, 1, -1]),
)
any_config = st.one_of(
    st.builds(
        dict, method=unstructured, amount=fractions, scope=st.sampled_from(["local", "global"])
    ),
    structured,
    st.just({"method": "identity"}),
    st.just({"method": "n_m", "layers": "re:0|2"}),
)


@FEW
@given(
    method=unstructured,
    amount=amounts,
    scope=st.sampled_from(["local", "global"]),
    seed=st.integers(0, 2**63 - 1),
)
def test_exactly_the_amount_is_pruned(dense, method, amount, scope, seed):
    config = PruneConfig(method=method, amount=amount, scope=scope, seed=seed)
    *_, masks = steps_of(dense, [config])
    groups = [TOTAL] if scope == "global" else SIZES.values()
    due = [amount if isinstance(amount, int) else round(amount * size) for size in groups]
    assert zeros(masks) == sum(due)


@FEW
@given(fields=structured)
def test_exactly_the_amount_of_channels_is_pruned(dense, fields):
    with TemporaryDirectory() as folder:
        prune.body(PruneConfig(**fields), Path(folder), dense)
        module, _ = open_model(MaskedCheckpoint(Path(folder), ""))
    for one in pruned_parameters(module):
        channels = one.mask.movedim(fields["dim"], 0).flatten(1)
        assert bool((channels == channels[:, :1]).all()), "a channel is pruned as a whole"
        gone = int((channels[:, 0] == 0).sum())
        assert gone == round(fields["amount"] * len(channels))


@FEW
@given(configs=st.lists(any_config, min_size=2, max_size=4))
def test_masks_only_ever_shrink(dense, configs):
    masks = list(steps_of(dense, [PruneConfig(**fields) for fields in configs]))
    for before, after in pairwise(masks):
        assert all(bool((after[name] <= before[name]).all()) for name in SIZES)


@FEW
@given(configs=st.lists(any_config, min_size=1, max_size=3))
def test_whatever_was_pruned_comes_back_bit_for_bit(dense, configs):
    source = dense
    with TemporaryDirectory() as folder:
        for index, fields in enumerate(configs):
            out = Path(folder) / str(index)
            out.mkdir()
            prune.body(PruneConfig(**fields), out, source)
            source = MaskedCheckpoint(out, "")
        out = Path(folder) / "undone"
        out.mkdir()
        assert undo.body(UndoConfig(), out, source)["exact"] is True
        for name in Checkpoint.files:
            assert (out / name).read_bytes() == (dense.path / name).read_bytes()


@FEW
@given(
    amount=fractions | st.integers(0, TOTAL),
    schedule=st.sampled_from(["iterative", "cubic"]),
    steps=st.integers(2, 4),
    method=unstructured,
)
def test_rounds_arrive_exactly_and_never_turn_back(dense, amount, schedule, steps, method):
    config = PruneConfig(
        method=method, amount=amount, scope="global", schedule=schedule, steps=steps
    )
    counts = [zeros(masks) for masks in steps_of(dense, config.rounds)]
    assert counts[1:] == [
        count_pruned(schedule, amount, TOTAL, step, steps) for step in range(1, steps + 1)
    ]
    assert counts == sorted(counts)
    assert counts[-1] == (amount if isinstance(amount, int) else round(amount * TOTAL))


@given(
    schedule=st.sampled_from(["iterative", "cubic"]),
    fraction=fractions,
    total=st.integers(0, 10**10),
    steps=st.integers(1, 50),
)
def test_a_schedule_rises_to_its_amount(schedule, fraction, total, steps):
    for amount in (fraction, round(fraction * total)):
        counts = [
            count_pruned(schedule, amount, total, step, steps) for step in range(1, steps + 1)
        ]
        assert counts == sorted(counts)
        assert counts[0] >= 0
        assert counts[-1] == round(fraction * total)


@given(layers=st.lists(st.sampled_from(["a", "b", "*", "re:[bc]"]), min_size=1, max_size=4))
def test_every_target_goes_to_the_first_rule_that_matches(layers):
    model = nn.ModuleDict({name: nn.Linear(1, 1) for name in "abc"})
    rules = [Rule(layers=pattern) for pattern in layers]
    owner = {
        name: next((i for i, rule in enumerate(rules) if rule.matches(name)), None)
        for name in "abc"
    }
    if set(range(len(rules))) - set(owner.values()):
        with pytest.raises(Exception, match="prunes nothing"):
            assign_rules(rules, prunable_parameters(model))
        return
    for index, (rule, targets) in enumerate(assign_rules(rules, prunable_parameters(model))):
        assert rule is rules[index]
        assert [t.name for t in targets] == [f"{n}.weight" for n in "abc" if owner[n] == index]
