"""Finalizing: nothing of the pruning is left but zeros, and the model computes what it did."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.finalize import FinalizeConfig, finalize, remove_masks
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.checkpoints import digest_state, open_model, save_masked
from prunepack.stages.models.denormals import keep_denormals
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.masks import pruned_parameters, put_mask

MODELS = """
import torch
from torch import nn


def stack():
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids):
        return self.head(self.embedding(ids))


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.register_buffer("future", torch.full((4, 4), float("-inf")).triu(1))

    def forward(self, x):
        return (self.linear(x)[:, None] + self.future).softmax(-1)
"""
STACK = InputSpec(shape=(2, 4, 4))


@pytest.fixture
def masked(run, write):
    """A masked checkpoint of one of ``MODELS``, after ``edit`` had its hands on the module."""

    def masked(factory, inputs, edit=lambda _: None):
        where = write(MODELS)
        dense = run(load, LoadConfig(model=f"{where}{factory}", inputs=(inputs,)))
        module, spec = open_model(run(prune, PruneConfig(scope="local", amount=0.5), dense))
        with torch.no_grad():
            edit(module)
        out = run.folder()
        save_masked(out, module, spec)
        return MaskedCheckpoint(out, "")

    return masked


def bits(tensor):
    return tensor.detach().contiguous().view(torch.int32)


def test_nothing_of_the_pruning_is_left(chain):
    model, spec = open_model(chain.final)
    assert isinstance(chain.final, Checkpoint)
    assert spec.pruned == ()
    assert set(model.state_dict()) == set(open_model(chain.dense)[0].state_dict())
    assert list(pruned_parameters(model)) == []
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert not any(name.endswith(("_orig", "_mask")) for name, _ in model.named_buffers())


def test_kept_weights_are_bit_for_bit_those_under_the_mask(chain):
    masked, final = open_model(chain.masked)[0], open_model(chain.final)[0]
    weights = final.state_dict()
    for one in pruned_parameters(masked):
        kept = one.mask == 1
        assert torch.equal(bits(weights[one.name])[kept], bits(one.original)[kept])


def test_every_pruned_weight_is_plus_zero_where_torch_leaves_minus_zero(chain):
    masked, final = open_model(chain.masked)[0], open_model(chain.final)[0]
    minus = 0
    for one in list(pruned_parameters(masked)):
        gone = one.mask == 0
        assert not bits(final.state_dict()[one.name])[gone].any()
        torch_prune.remove(one.module, one.parameter)
        minus += int(bits(getattr(one.module, one.parameter))[gone].count_nonzero())
    assert minus > 20_000


def test_outputs_are_equal(chain):
    pixels = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    masked, final = open_model(chain.masked)[0], open_model(chain.final)[0]
    assert torch.equal(masked(pixels), final(pixels))


def test_what_it_says(run, chain):
    run(finalize, FinalizeConfig(), chain.masked)
    assert run.facts == {
        "summary": "5 masks permanent, 53,854 of 59,838 weights are +0.0",
        "zeros": 53_854,
        "weights": 59_838,
        "flushed": 0,
    }


def test_the_same_input_gives_the_same_bytes(run, chain):
    again = run(finalize, FinalizeConfig(), chain.masked)
    for name in Checkpoint.files:
        assert (again.path / name).read_bytes() == (chain.final.path / name).read_bytes()


def test_batch_norm_is_left_alone(run, masked):
    def edit(module):
        module[1].running_mean.copy_(torch.arange(4.0))
        module[1].num_batches_tracked += 9

    source = masked("stack", STACK, edit=edit)
    before = open_model(source)[0][1].state_dict()
    after = open_model(run(finalize, FinalizeConfig(), source))[0][1].state_dict()
    assert digest_state(after) == digest_state(before)
    assert after["num_batches_tracked"] == 9


def test_weights_that_are_tied_and_masked_alike(run, masked):
    source = masked("Tied", InputSpec(shape=(3,), dtype="int64"))
    model, spec = open_model(run(finalize, FinalizeConfig(), source))
    assert model.head.weight is model.embedding.weight
    assert int((model.head.weight == 0).sum()) == 12
    assert spec.tied == {"head.weight": "embedding.weight"}


def test_minus_infinity_in_a_buffer_is_no_fault(run, masked):
    source = masked("Causal", InputSpec(shape=(4,)))
    model, _ = open_model(run(finalize, FinalizeConfig(), source))
    assert model.future.isinf().any()


def under_the_mask(value):
    def edit(module):
        module[3].weight_orig[module[3].weight_mask == 0] = value

    return edit


def broken(name, value):
    def edit(module):
        dict(module.state_dict(keep_vars=True))[name].view(-1)[:2] = value

    return edit


LOOK = "Check the training: the values were there before the masks were removed"


@pytest.mark.parametrize(
    ("edit", "name", "count"),
    [
        (under_the_mask(float("inf")), "3.weight_orig", 24),
        (under_the_mask(float("nan")), "3.weight_orig", 24),
        (broken("3.bias", float("nan")), "3.bias", 2),
        (broken("3.bias", float("inf")), "3.bias", 2),
        (broken("1.running_var", float("nan")), "1.running_var", 2),
    ],
    ids=["masked inf", "masked nan", "nan in a bias", "inf in a bias", "nan in a buffer"],
)
def test_numbers_that_are_not_finite(run, masked, edit, name, count, says):
    source = masked("stack", STACK, edit=edit)
    with says(
        RefusedError,
        f"`{name}` is not finite: expected finite numbers, found {count} NaN or Inf. {LOOK}",
    ):
        run(finalize, FinalizeConfig(), source)


def test_a_weight_that_another_layer_shares_without_a_mask(run, write):
    code = (
        "from torch import nn\n"
        "def build():\n"
        "    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))\n"
        "    model[1].weight = model[0].weight\n"
        "    return model\n"
    )
    where = write(code)
    dense = run(load, LoadConfig(model=f"{where}build", inputs=(InputSpec(shape=(4,)),)))
    module, spec = open_model(dense)
    put_mask(module[0], "weight", torch.eye(4))
    out = run.folder()
    pruned = ({"layer": "0", "parameter": "weight"},)
    save_masked(out, module, ModelSpec.model_validate(spec.model_dump() | {"pruned": pruned}))
    with pytest.raises(RefusedError) as caught:
        run(finalize, FinalizeConfig(), MaskedCheckpoint(out, ""))
    message = str(caught.value)
    assert message.startswith(
        "output 0 changed when the masks were made permanent: expected exactly equal outputs, "
        "found a difference of up to "
    )
    assert message.endswith("Look for a weight that another layer shares but does not mask")


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("masked", "final", "change"),
    [
        ([NAN, 1.0], [NAN, 1.0], ""),
        ([INF, 1.0], [-INF, 1.0], ""),
        ([NAN, 1.0], [INF, 1.0], ""),
        ([NAN, 1.0], [NAN, 3.0], "a difference of up to 2"),
        ([NAN, 1.0], [0.0, 1.0], "1 values that are NaN or infinite in one of the two only"),
    ],
)
def test_finite_outputs_are_compared_and_the_others_are_at_the_same_places(masked, final, change):
    from prunepack.stages.finalize import _prove_equal

    outputs = [torch.tensor(masked)], [torch.tensor(final)]
    if not change:
        _prove_equal(*outputs)
        return
    with pytest.raises(RefusedError, match=f"found {change}"):
        _prove_equal(*outputs)


def test_a_proof_without_a_finite_output_is_remarked(run, write):
    """A logarithm of negative numbers; the samples of the user are positive."""
    code = (
        "import numpy as np\nfrom torch import nn\n"
        "class Log(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.linear = nn.Linear(4, 3)\n"
        "    def forward(self, x):\n"
        "        return self.linear((x - 50).log())\n"
        "def samples():\n"
        "    return {'input': np.full((5, 4), 60, 'float32')}\n"
    )
    where = write(code)
    dense = run(load, LoadConfig(model=f"{where}Log", inputs=(InputSpec(shape=(4,)),)))
    masked = run(prune, PruneConfig(scope="local", amount=0.5), dense)
    with collect_remarks() as remarks:
        run(finalize, FinalizeConfig(), masked)
    assert "every output of the masked model is NaN or infinite" in "".join(remarks)
    with collect_remarks() as remarks:
        run(finalize, FinalizeConfig(inputs=f"{where}samples"), masked)
    assert remarks == []


def test_masks_are_returned_by_name():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    put_mask(model[1], "weight", torch.eye(2))
    assert {name: mask.tolist() for name, mask in remove_masks(model).items()} == {
        "1.weight": [[1, 0], [0, 1]]
    }


def test_what_was_not_removed_is_found_out(says):
    from prunepack.stages.finalize import _prove_removed

    model = nn.Linear(2, 2)
    put_mask(model, "weight", torch.eye(2))
    with says(
        RefusedError,
        "masks are still on: expected no masks, found weight_mask, weight_orig, weight",
    ):
        _prove_removed(model, {"weight": torch.eye(2)})
    masks = remove_masks(model)
    model.weight.data[0, 1] = -0.0
    with says(
        RefusedError, "`weight` is not pruned: expected +0.0 where masked, found other values"
    ):
        _prove_removed(model, masks)


@keep_denormals()
def shrink(module):
    module[0].weight_orig[:, 0] = 1e-40
    module[1].running_mean[:] = -1e-41


def test_denormal_weights_become_zero_and_are_counted(run, masked):
    source = masked("stack", STACK, shrink)
    module, _ = open_model(source)
    kept = int(module[0].weight_mask[:, 0].sum())
    with collect_remarks() as remarks:
        final = run(finalize, FinalizeConfig(), source)
    assert run.facts["flushed"] == kept + 4
    assert run.facts["summary"].endswith(f", {kept + 4} denormals set to +0.0")
    expected = f"denormal weights set to +0.0 in `0.weight` ({kept}), `1.running_mean` (4)"
    assert expected in remarks
    state = open_model(final)[0].state_dict()
    assert not bits(state["0.weight"][:, 0]).any()
    assert not bits(state["1.running_mean"]).any()


def test_denormal_weights_can_be_kept(run, masked):
    source = masked("stack", STACK, shrink)
    final = run(finalize, FinalizeConfig(flush_denormals=False), source)
    assert run.facts["flushed"] == 0
    assert bits(open_model(final)[0].state_dict()["1.running_mean"]).all()


def test_denormal_weights_stay_where_the_outputs_depend_on_them(run, write):
    """A layer that divides its weights by their norm turns denormals into ordinary numbers."""
    code = """
from torch import nn
from torch.nn import functional as F

class Cosine(nn.Linear):
    def forward(self, x):
        weight = self.weight.double()
        return (x.double() @ (weight / weight.norm(dim=1, keepdim=True)).T).float()
"""
    where = write(code).removesuffix(":")
    spec = ModelSpec(
        model=f"{where}:Cosine",
        arguments={"in_features": 4, "out_features": 3},
        inputs=(InputSpec(shape=(4,)),),
    )
    dense = run(load, LoadConfig(model=spec.model, arguments=spec.arguments, inputs=spec.inputs))
    module, spec = open_model(run(prune, PruneConfig(scope="local", amount=0.5), dense))
    with torch.no_grad(), keep_denormals():
        module.weight_orig.mul_(1e-39)
    out = run.folder()
    save_masked(out, module, spec)
    with collect_remarks() as remarks:
        final = run(finalize, FinalizeConfig(), MaskedCheckpoint(out, ""))
    assert run.facts["flushed"] == 0
    assert any("denormal weights stay, because the outputs depend" in text for text in remarks)
    assert bits(open_model(final)[0].weight).count_nonzero() == 6
