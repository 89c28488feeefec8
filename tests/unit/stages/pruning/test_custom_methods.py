"""Masks and methods of the user's own."""

from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.sources.module_sources import build_module

STACK = "nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))"

METHODS = """
import torch
from torch.nn.utils import prune


class EveryOther(prune.BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        mask = default_mask.clone()
        mask.view(-1)[::2] = 0
        return mask


class Largest(prune.BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def __init__(self, amount, sign=1.0):
        self.amount, self.sign = amount, sign

    def compute_mask(self, t, default_mask):
        count = self.amount if isinstance(self.amount, int) else round(self.amount * t.numel())
        mask = default_mask.clone()
        mask.view(-1)[torch.topk(self.sign * t.view(-1), count).indices] = 0
        return mask


class LastChannels(prune.BasePruningMethod):
    PRUNING_TYPE = "structured"

    def __init__(self, amount, dim=1):
        self.amount, self.dim = amount, dim

    def compute_mask(self, t, default_mask):
        size = t.shape[self.dim]
        count = self.amount if isinstance(self.amount, int) else round(self.amount * size)
        mask = default_mask.clone()
        mask.narrow(self.dim, size - count, count).zero_()
        return mask


class Inherited(prune.L1Unstructured):
    pass


class Bool(EveryOther):
    def compute_mask(self, t, default_mask):
        return super().compute_mask(t, default_mask).bool()


class Halves(EveryOther):
    def compute_mask(self, t, default_mask):
        return default_mask / 2


class Flat(EveryOther):
    def compute_mask(self, t, default_mask):
        return default_mask[:1]


class Reviver(prune.BasePruningMethod):
    PRUNING_TYPE = "global"

    def compute_mask(self, t, default_mask):
        return torch.ones_like(t)


class Silent(prune.BasePruningMethod):
    def compute_mask(self, t, default_mask):
        return default_mask


class Unfinished(prune.BasePruningMethod):
    PRUNING_TYPE = "unstructured"


class Failing(EveryOther):
    def compute_mask(self, t, default_mask):
        raise LookupError("no statistics")


class NoMethod:
    pass


def function(module, name):
    pass
"""


@pytest.fixture
def dense(tmp_path, monkeypatch):
    """A checkpoint of the stack, in a working folder that also has the methods."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(METHODS)
    source = f"from torch import nn\n\n\ndef build():\n    return {STACK}\n"
    (tmp_path / "model.py").write_text(source)
    spec = ModelSpec(model="model.py:build", inputs=(InputSpec(shape=(3,)),))
    out = tmp_path / "dense"
    out.mkdir()
    save_checkpoint(out, build_module(spec.model), spec)
    return Checkpoint(out, "")


@pytest.fixture
def pruned(tmp_path, dense):
    """Prune the stack once for each config and open the result."""
    numbers = count()

    def make(*configs):
        artifact = dense
        for config in configs:
            out = tmp_path / f"masked{next(numbers)}"
            out.mkdir()
            prune.body(PruneConfig(**config), out, artifact)
            artifact = MaskedCheckpoint(out, "")
        return open_model(artifact)[0]

    return make


def masks(module):
    return {one.name: one.mask for one in pruned_parameters(module)}


def refused(pruned, *configs, kind=UsageError):
    with pytest.raises(kind) as caught:
        pruned(*configs)
    return str(caught.value)


# --- masks from a file -----------------------------------------------------------------------

FIRST = torch.tensor([[0.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
FROM_FILE = {"method": "custom_from_mask", "mask_file": "masks.safetensors", "layers": "0"}


@pytest.mark.parametrize("key", ["0.weight", "0.weight_mask"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int64])
def test_a_mask_goes_by_the_name_of_its_parameter(pruned, key, dtype):
    save_file({key: FIRST.to(dtype), "other": torch.zeros(1)}, "masks.safetensors")
    mask = pruned(FROM_FILE)[0].weight_mask
    assert torch.equal(mask, FIRST)
    assert mask.dtype == torch.float32


def test_a_mask_is_put_on_top_of_earlier_ones(pruned):
    save_file({"0.weight": FIRST}, "masks.safetensors")
    column = {"method": "random_structured", "amount": 1, "dim": 1, "layers": "0"}
    before = pruned(column)[0].weight_mask
    assert torch.equal(pruned(column, FROM_FILE)[0].weight_mask, before * FIRST)


def test_the_masks_of_one_pruned_model_fit_another(pruned):
    first = pruned({"amount": 0.5})
    save_file(first.state_dict(), "masks.safetensors")
    second = pruned(FROM_FILE | {"layers": "*"})
    assert all(torch.equal(mask, masks(second)[name]) for name, mask in masks(first).items())


def test_a_parameter_without_a_mask_in_the_file(pruned):
    save_file({"0.weight": FIRST}, "masks.safetensors")
    assert refused(pruned, FROM_FILE | {"layers": "*"}, kind=RefusedError) == (
        "`masks.safetensors` has no mask of `2.weight`: expected 2.weight or 2.weight_mask, "
        "found 0.weight. Add the mask, or leave the layer out with prune.exclude"
    )


def test_a_long_list_of_masks_is_cut_short(pruned):
    save_file({f"t{i}": torch.zeros(1) for i in range(7)}, "masks.safetensors")
    assert "found t0, t1, t2, t3, t4, …. Add" in refused(pruned, FROM_FILE, kind=RefusedError)


def test_a_mask_of_another_shape(pruned):
    save_file({"0.weight": FIRST[:2].clone()}, "masks.safetensors")
    assert refused(pruned, FROM_FILE, kind=RefusedError) == (
        "`masks.safetensors` holds a mask of the wrong shape for `0.weight`: "
        "expected the shape (3, 3), found (2, 3)"
    )


@pytest.mark.parametrize("other", [0.5, -1.0, float("nan")])
def test_a_mask_that_is_not_zeros_and_ones(pruned, other):
    mask = FIRST.clone()
    mask[0, 0] = other
    save_file({"0.weight": mask}, "masks.safetensors")
    assert refused(pruned, FROM_FILE, kind=RefusedError) == (
        "`masks.safetensors` holds a wrong mask of `0.weight`: expected zeros and ones, "
        f"found 1 other values such as {other:g}"
    )


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_a_file_that_cannot_be_read(pruned, content):
    if content is not None:
        Path("masks.safetensors").write_bytes(content)
    message = refused(pruned, FROM_FILE, kind=RefusedError)
    assert message.startswith(
        "`masks.safetensors` cannot be read: expected a safetensors file, found "
    )


def test_masks_of_several_tensors_together(pruned):
    message = refused(pruned, FROM_FILE | {"scope": "global"})
    assert "its mask depends on the shape of the tensor" in message


# --- custom classes -------------------------------------------------------------------------

EVERY_OTHER = {"method": "own.py:EveryOther"}


def test_a_class_without_arguments(pruned):
    module = pruned(EVERY_OTHER)
    assert module[0].weight_mask.tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert module[2].weight_mask.tolist() == [[0, 1, 0], [1, 0, 1]]


def test_a_second_time_it_sees_what_is_left(pruned):
    module = pruned(EVERY_OTHER, EVERY_OTHER)
    assert module[0].weight_mask.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


def test_all_layers_together_are_one_long_vector(pruned):
    module = pruned(EVERY_OTHER | {"scope": "global"})
    assert module[2].weight_mask.tolist() == [[1, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize(("sign", "kept"), [(1.0, "smallest"), (-1.0, "largest")])
def test_options_are_keyword_arguments(pruned, sign, kept):
    config = {"method": "own.py:Largest", "amount": 4, "options": {"sign": sign}, "layers": "0"}
    layer = pruned(config)[0]
    weight, mask = sign * layer.weight_orig, layer.weight_mask.bool()
    assert int(mask.sum()) == 5, kept
    assert weight[mask].max() < weight[~mask].min()


def test_the_amount_follows_a_schedule(pruned):
    config = {"method": "own.py:Largest", "amount": 6, "schedule": "cubic", "steps": 2}
    rounds = [config | {"step": step, "layers": "0"} for step in (1, 2)]
    assert int((pruned(rounds[0])[0].weight_mask == 0).sum()) == 5
    assert int((pruned(*rounds)[0].weight_mask == 0).sum()) == 6


def test_channels_along_the_dimension_of_the_class(pruned):
    config = {"method": "own.py:LastChannels", "amount": 0.9, "schedule": "cubic", "steps": 2}
    rounds = [config | {"step": step, "layers": "0"} for step in (1, 2)]
    assert pruned(rounds[0])[0].weight_mask.tolist() == [[0, 0, 0]] * 3
    rounds = [one | {"amount": 2, "options": {"dim": 0}} for one in rounds]
    assert pruned(*rounds)[0].weight_mask.tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_a_subclass_of_torchs_own_takes_what_its_parent_takes(pruned):
    ours, theirs = (
        pruned({"method": "own.py:Inherited", "amount": 3}),
        pruned({"scope": "local", "amount": 3}),
    )
    assert all(torch.equal(mask, masks(theirs)[name]) for name, mask in masks(ours).items())


def test_a_boolean_mask_gets_the_dtype_of_the_weight(pruned):
    mask = pruned({"method": "own.py:Bool"})[0].weight_mask
    assert mask.dtype == torch.float32
    assert torch.equal(mask, pruned(EVERY_OTHER)[0].weight_mask)


def test_torchs_own_classes_can_be_named_too(pruned):
    config = {"method": "torch.nn.utils.prune:L1Unstructured", "amount": 3}
    assert int((pruned(config)[0].weight_mask == 0).sum()) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "NoMethod",
            "`own.py:NoMethod` is not a pruning method: expected a subclass of "
            "torch.nn.utils.prune.BasePruningMethod, found <class 'prunepack_user_",
        ),
        (
            "function",
            "`own.py:function` is not a pruning method: expected a subclass of "
            "torch.nn.utils.prune.BasePruningMethod, found <function function at ",
        ),
        (
            "Silent",
            "`own.py:Silent` does not say what it ranks: expected PRUNING_TYPE to be one of "
            "unstructured, structured, global, found None. "
            "Set PRUNING_TYPE in the body of the class",
        ),
        ("Missing", "`own.py` defines no `Missing`"),
        ("Unfinished", "`own.py:Unfinished` cannot prune `0.weight`: found TypeError: "),
        (
            "Failing",
            "`own.py:Failing` cannot prune `0.weight`: found LookupError: no statistics. "
            "Change the method's options, or leave the layer out with prune.exclude",
        ),
        (
            "Halves",
            "`own.py:Halves` made a wrong mask of `0.weight`: expected zeros and ones, "
            "found other values",
        ),
        (
            "Flat",
            "`own.py:Flat` made a wrong mask of `0.weight`: expected the shape (3, 3), found "
            "(1, 3)",
        ),
    ],
)
def test_classes_that_do_not_work(pruned, name, message):
    assert refused(pruned, {"method": f"own.py:{name}"}).startswith(message)


def test_a_class_that_brings_weights_back(pruned):
    assert refused(pruned, {"amount": 4, "layers": "0"}, {"method": "own.py:Reviver"}) == (
        "`own.py:Reviver` made a wrong mask of `0.weight`: expected pruned weights to stay pruned, "
        "found 4 weights revived"
    )


def test_an_error_among_several_tensors_says_so(pruned):
    config = {"method": "own.py:Failing", "scope": "global"}
    assert refused(pruned, config).startswith(
        "`own.py:Failing` cannot prune `0.weight` and 1 more: "
    )


def test_a_failure_writes_nothing(pruned, tmp_path):
    refused(pruned, {"method": "own.py:Failing"})
    assert not list((tmp_path / "masked0").iterdir())
