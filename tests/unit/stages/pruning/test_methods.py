"""Built-in methods, run by the prune stage and compared with torch's own functions."""

import math
from itertools import count

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunepack.errors import UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.pruning.methods import METHODS
from prunepack.stages.sources.module_sources import build_module

LINEAR = "nn.Linear(6, 4)"
CONV = "nn.Conv2d(3, 4, 2)"
CONV1D = "nn.Conv1d(3, 4, 5)"
STACK = "nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))"
SEED = 7


@pytest.fixture
def dense(tmp_path):
    """Save the module that an expression builds as a checkpoint."""

    def make(expression, weight=None):
        source = tmp_path / "model.py"
        source.write_text(
            f"import torch\nfrom torch import nn\n\n\ndef build():\n    return {expression}\n"
        )
        spec = ModelSpec(model=f"{source}:build", inputs=(InputSpec(shape=(6,)),))
        module = build_module(spec.model)
        if weight is not None:
            module.weight.data = torch.tensor(weight)
        out = tmp_path / "dense"
        out.mkdir()
        save_checkpoint(out, module, spec)
        return Checkpoint(out, "")

    return make


@pytest.fixture
def pruned(tmp_path):
    """Prune an artifact once for each config and open the result."""
    numbers = count()

    def make(source, *configs):
        for config in configs:
            out = tmp_path / f"masked{next(numbers)}"
            out.mkdir()
            prune.body(PruneConfig(**{"seed": SEED} | config), out, source)
            source = MaskedCheckpoint(out, "")
        return open_model(source)[0]

    return make


def masks(module):
    return {one.name: one.mask for one in pruned_parameters(module)}


def assert_same_masks(ours, torchs):
    expected = masks(torchs)
    assert masks(ours).keys() == expected.keys()
    for name, mask in masks(ours).items():
        assert torch.equal(mask, expected[name]), name


def refused(make, *configs):
    with pytest.raises(UsageError) as caught:
        make(*configs)
    return str(caught.value)


# --- the same masks as torch's functions -----------------------------------------------------

LOCAL = {
    "l1 fraction": (
        LINEAR,
        {"amount": 0.3},
        lambda m: torch_prune.l1_unstructured(m, "weight", 0.3),
    ),
    "l1 count": (LINEAR, {"amount": 5}, lambda m: torch_prune.l1_unstructured(m, "weight", 5)),
    "l1 nothing": (LINEAR, {"amount": 0}, lambda m: torch_prune.l1_unstructured(m, "weight", 0)),
    "l1 all": (LINEAR, {"amount": 1.0}, lambda m: torch_prune.l1_unstructured(m, "weight", 1.0)),
    "l1 bias": (
        LINEAR,
        {"amount": 2, "parameter": "bias"},
        lambda m: torch_prune.l1_unstructured(m, "bias", 2),
    ),
    "random": (
        CONV,
        {"method": "random_unstructured", "amount": 0.5},
        lambda m: torch_prune.random_unstructured(m, "weight", 0.5),
    ),
    "random count": (
        CONV,
        {"method": "random_unstructured", "amount": 11},
        lambda m: torch_prune.random_unstructured(m, "weight", 11),
    ),
    "random channels": (
        CONV,
        {"method": "random_structured", "amount": 0.5, "dim": 1},
        lambda m: torch_prune.random_structured(m, "weight", 0.5, 1),
    ),
    "no channel": (
        CONV,
        {"method": "random_structured", "amount": 0},
        lambda m: torch_prune.identity(m, "weight"),
    ),
    "identity": (CONV, {"method": "identity"}, lambda m: torch_prune.identity(m, "weight")),
}


@pytest.mark.parametrize("case", LOCAL)
def test_local_methods_are_torchs(dense, pruned, case):
    expression, config, by_torch = LOCAL[case]
    source = dense(expression)
    reference = open_model(source)[0]
    torch.manual_seed(SEED)
    by_torch(reference)
    assert_same_masks(pruned(source, {"scope": "local"} | config), reference)


@pytest.mark.parametrize("norm", [0, 1, 2, 2.5, math.inf, -math.inf])
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_norms_of_channels_are_torchs(dense, pruned, norm, dim):
    source = dense(CONV)
    reference = open_model(source)[0]
    torch_prune.ln_structured(reference, "weight", 0.5, norm, dim)
    ours = pruned(source, {"method": "ln_structured", "amount": 0.5, "norm": norm, "dim": dim})
    assert_same_masks(ours, reference)


@pytest.mark.parametrize("norm", ["nuc", "fro"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_norms_of_matrices_are_torchs(dense, pruned, norm, dim):
    source = dense(CONV1D)
    reference = open_model(source)[0]
    torch_prune.ln_structured(reference, "weight", 2, norm, dim)
    ours = pruned(source, {"method": "ln_structured", "amount": 2, "norm": norm, "dim": dim})
    assert_same_masks(ours, reference)


def test_the_frobenius_norm_of_more_than_a_matrix_is_the_l2_norm(dense, pruned):
    source = dense(CONV)
    reference = open_model(source)[0]
    with pytest.raises(RuntimeError, match="dim must be a 2-tuple"):
        torch_prune.ln_structured(reference, "weight", 0.5, "fro", 0)
    torch_prune.ln_structured(reference, "weight", 0.5, 2, 0)
    config = {"method": "ln_structured", "amount": 0.5, "norm": "fro"}
    assert_same_masks(pruned(source, config), reference)


@pytest.mark.parametrize("amount", [0.5, 7])
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("l1_unstructured", torch_prune.L1Unstructured),
        ("random_unstructured", torch_prune.RandomUnstructured),
    ],
)
def test_global_methods_are_torchs(dense, pruned, name, method, amount):
    source = dense(STACK)
    reference = open_model(source)[0]
    both = [(reference[0], "weight"), (reference[2], "weight")]
    torch.manual_seed(SEED)
    torch_prune.global_unstructured(both, method, amount=amount)
    ours = pruned(source, {"method": name, "amount": amount, "scope": "global"})
    assert_same_masks(ours, reference)


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.float32),  # exact, and what onnxruntime can run
        (torch.float64, torch.float64),
    ],
)
def test_other_dtypes(dense, pruned, dtype, kept):
    source = dense(f"nn.Linear(6, 4, dtype={dtype})")
    mask = pruned(source, {"amount": 6}).weight_mask
    assert mask.dtype == kept
    assert int((mask == 0).sum()) == 6


# --- pruning a pruned model ----------------------------------------------------------

TWICE = {
    "l1, l1": (
        [{"amount": 0.25}, {"amount": 0.5}],
        lambda m: torch_prune.l1_unstructured(m, "weight", 0.25),
        lambda m: torch_prune.l1_unstructured(m, "weight", 0.5),
    ),
    "l1, channels": (
        [{"amount": 5}, {"method": "ln_structured", "amount": 1, "norm": 1}],
        lambda m: torch_prune.l1_unstructured(m, "weight", 5),
        lambda m: torch_prune.ln_structured(m, "weight", 1, 1, 0),
    ),
    "channels, channels": (
        [{"method": "ln_structured", "amount": 1}, {"method": "ln_structured", "amount": 0.5}],
        lambda m: torch_prune.ln_structured(m, "weight", 1, 2, 0),
        lambda m: torch_prune.ln_structured(m, "weight", 0.5, 2, 0),
    ),
    "channels, others along another dim": (
        [
            {"method": "ln_structured", "amount": 1},
            {"method": "ln_structured", "amount": 2, "dim": 1},
        ],
        lambda m: torch_prune.ln_structured(m, "weight", 1, 2, 0),
        lambda m: torch_prune.ln_structured(m, "weight", 2, 2, 1),
    ),
    "channels, l1": (
        [{"method": "ln_structured", "amount": 2, "dim": 1}, {"amount": 0.5}],
        lambda m: torch_prune.ln_structured(m, "weight", 2, 2, 1),
        lambda m: torch_prune.l1_unstructured(m, "weight", 0.5),
    ),
    "identity, l1": (
        [{"method": "identity"}, {"amount": 3}],
        lambda m: torch_prune.identity(m, "weight"),
        lambda m: torch_prune.l1_unstructured(m, "weight", 3),
    ),
}


@pytest.mark.parametrize("case", TWICE)
def test_a_second_pruning_works_on_what_the_first_one_left(dense, pruned, case):
    configs, first, second = TWICE[case]
    source = dense(LINEAR)
    reference = open_model(source)[0]
    first(reference)
    before = reference.weight_mask.clone()
    second(reference)
    assert bool((reference.weight_mask <= before).all())
    assert_same_masks(pruned(source, *configs), reference)


def test_a_second_global_pruning_counts_what_is_left(dense, pruned):
    source = dense(STACK)
    reference = open_model(source)[0]
    both = [(reference[0], "weight"), (reference[2], "weight")]
    for _ in range(2):
        torch_prune.global_unstructured(both, torch_prune.L1Unstructured, amount=0.5)
    ours = pruned(source, {"amount": 0.5}, {"amount": 0.5})
    assert_same_masks(ours, reference)
    assert sum(int((mask == 0).sum()) for mask in masks(ours).values()) == 34  # 22 + 12 of 45


@pytest.mark.parametrize("name", ["l1_unstructured", "ln_structured", "n_m", "random_structured"])
def test_in_one_process_torch_collects_methods_in_a_container(name):
    options = {
        "l1_unstructured": {"amount": 1},
        "ln_structured": {"amount": 1, "n": 2, "dim": 0},
        "n_m": {"n": 1, "m": 3},
        "random_structured": {"amount": 1, "dim": 1},
    }[name]
    layer = nn.Linear(6, 4)
    METHODS["identity"].pruning_class.apply(layer, "weight")
    cls = METHODS[name].pruning_class
    cls.apply(layer, "weight", **options)
    (hook,) = layer._forward_pre_hooks.values()
    assert isinstance(hook, torch_prune.PruningContainer)
    assert [type(method) for method in hook] == [torch_prune.Identity, cls]
    assert hook._tensor_name == "weight"


# --- by hand ---------------------------------------------------------------------------------

RISING = [[1.0, 2.0, 3.0, 4.0], [-4.0, -3.0, -2.0, -1.0]]


def test_the_smallest_magnitudes_go_first(dense, pruned):
    source = dense("nn.Linear(4, 2)", RISING)
    once = pruned(source, {"amount": 2, "scope": "local"})
    assert once.weight.tolist() == [[0, 2, 3, 4], [-4, -3, -2, 0]]


def test_then_the_next_ones(dense, pruned):
    source = dense("nn.Linear(4, 2)", RISING)
    twice = pruned(source, {"amount": 2}, {"amount": 2})
    assert twice.weight.tolist() == [[0, 0, 3, 4], [-4, -3, 0, 0]]


def test_equal_magnitudes_are_pruned_by_count_and_not_by_threshold(dense, pruned):
    source = dense("nn.Linear(5, 2)", [[2.0, -2.0, 0.0, 2.0, -2.0]] * 2)
    assert int((pruned(source, {"amount": 0.4}).weight_mask == 0).sum()) == 4


def test_the_channel_of_the_smallest_norm_goes(dense, pruned):
    source = dense("nn.Linear(3, 3)", [[3.0, 0.0, 0.0], [2.0, 2.0, 0.0], [1.0, 1.5, 1.0]])
    by_sum = pruned(source, {"method": "ln_structured", "amount": 1, "norm": 1})
    assert by_sum.weight_mask.tolist() == [[0, 0, 0], [1, 1, 1], [1, 1, 1]]


def test_by_the_maximum_it_is_another_one(dense, pruned):
    source = dense("nn.Linear(3, 3)", [[3.0, 0.0, 0.0], [2.0, 2.0, 0.0], [1.0, 1.5, 1.0]])
    by_maximum = pruned(source, {"method": "ln_structured", "amount": 1, "norm": "inf"})
    assert by_maximum.weight_mask.tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("amount", "count"), [(0.4, 7), (0.5, 8), (0.03, 1), (0.02, 0), (1.0, 17), (1, 1), (0, 0)]
)
def test_a_fraction_is_rounded_to_the_nearest_count(dense, pruned, amount, count):
    source = dense("nn.Linear(17, 1)")
    assert int((pruned(source, {"amount": amount}).weight_mask == 0).sum()) == count


def test_pruned_negative_weights_are_minus_zero_while_the_mask_is_on(dense, pruned):
    source = dense("nn.Linear(4, 2)", RISING)
    module = pruned(source, {"amount": 2})
    zeros = module.weight[module.weight == 0]
    assert torch.signbit(zeros).tolist() == [False, True]


def test_one_of_several_weights_of_a_recurrent_layer(dense, pruned):
    module = pruned(dense("nn.LSTM(6, 4)"), {"parameter": "weight_ih_l0", "amount": 0.5})
    assert list(masks(module)) == ["weight_ih_l0"]
    assert sum(isinstance(weight, nn.Parameter) for weight in module._flat_weights) == 3
    torch_prune.remove(module, "weight_ih_l0")
    assert sum(isinstance(weight, nn.Parameter) for weight in module._flat_weights) == 4


def test_removing_a_mask_keeps_the_outputs_and_works_once(dense, pruned):
    module = pruned(dense(LINEAR), {"amount": 0.5})
    x = torch.randn(3, 6)
    before = module(x)
    torch_prune.remove(module, "weight")
    assert torch.equal(module(x), before)
    assert set(dict(module.named_parameters())) == {"weight", "bias"}
    with pytest.raises(ValueError, match="has to be pruned before"):
        torch_prune.remove(module, "weight")


# --- what cannot be done ---------------------------------------------------------------------


def test_more_weights_than_there_are(dense, pruned):
    assert refused(pruned, dense(LINEAR), {"amount": 25}) == (
        "`l1_unstructured` cannot prune that much of the layers `*`: expected an amount of at most "
        "24 weights, found 25. Write a fraction with a point: 0.9 is a fraction, 100 is a count"
    )


def test_more_weights_than_are_left(dense, pruned):
    message = refused(pruned, dense(LINEAR), {"amount": 20}, {"amount": 5})
    assert "expected an amount of at most 4 weights, found 5" in message


def test_more_weights_than_all_layers_have_together(dense, pruned):
    source = dense(STACK)
    assert "at most 45 weights, found 46" in refused(pruned, source, {"amount": 46})


def test_more_channels_than_there_are(dense, pruned):
    config = {"method": "random_structured", "amount": 4, "dim": 1}
    assert "at most 3 channels along dim 1, found 4" in refused(pruned, dense(CONV), config)


def test_channels_along_a_dimension_that_is_not_there(dense, pruned):
    config = {"method": "ln_structured", "dim": 2}
    assert refused(pruned, dense(LINEAR), config) == (
        "`ln_structured` cannot prune `weight`: found IndexError: Dimension out of range "
        "(expected to "
        "be in range of [-2, 1], but got 2). "
        "Change the method's options, or leave the layer out with prune.exclude"
    )


def test_channels_of_a_bias(dense, pruned):
    config = {"method": "ln_structured", "parameter": "bias", "amount": 1}
    message = refused(pruned, dense(LINEAR), config)
    assert message.startswith(
        "`ln_structured` cannot prune `bias`: found ValueError: Structured pruning can only be "
        "applied to multidimensional tensors."
    )


def test_the_nuclear_norm_of_a_vector(dense, pruned):
    config = {"method": "ln_structured", "norm": "nuc"}
    assert refused(pruned, dense(LINEAR), config).startswith(
        "`ln_structured` cannot prune `weight`: "
    )


def test_several_tensors_of_channels_together(dense, pruned):
    config = {"method": "ln_structured", "scope": "global"}
    assert refused(pruned, dense(STACK), config) == (
        "`ln_structured` cannot prune several tensors together (channels of different "
        "layers differ "
        "in size, so their norms do not compare): expected scope local, or a method that ranks "
        "single weights, found scope global"
    )


def test_several_tensors_in_a_pattern_together(dense, pruned):
    config = {"method": "n_m", "scope": "global"}
    message = refused(pruned, dense(STACK), config)
    assert "its mask depends on the shape of the tensor" in message


# --- chance ----------------------------------------------------------------------------------

RANDOM = ["random_unstructured", "random_structured"]


@pytest.mark.parametrize("method", RANDOM)
def test_a_seed_decides_everything_and_nothing_else_does(dense, pruned, tmp_path, method):
    source = dense("nn.Linear(40, 40)")
    config = {"method": method, "amount": 0.5}
    found = []
    for around in (1, 2):
        torch.manual_seed(around)
        state = torch.get_rng_state()
        out = tmp_path / f"run{around}"
        out.mkdir()
        prune.body(PruneConfig(**config), out, source)
        assert torch.equal(torch.get_rng_state(), state)
        found.append(masks(open_model(MaskedCheckpoint(out, ""))[0])["weight"])
    assert torch.equal(*found)
    assert not torch.equal(found[0], masks(pruned(source, config | {"seed": 1}))["weight"])


@pytest.mark.parametrize("method", RANDOM)
def test_every_round_has_a_seed_of_its_own(dense, pruned, method):
    source = dense("nn.Linear(40, 40)")
    config = {"method": method, "amount": 0.5}
    second = pruned(source, config | {"schedule": "cubic", "steps": 2, "step": 2})
    assert_same_masks(second, pruned(source, config | {"seed": SEED + 1}))


# --- n_m -------------------------------------------------------------------------------------


def test_two_of_four_inputs_of_a_linear_layer(dense, pruned):
    source = dense("nn.Linear(8, 1)", [[4.0, -3.0, 2.0, 1.0, 0.5, -6.0, 5.0, 0.0]])
    assert pruned(source, {"method": "n_m"}).weight_mask.tolist() == [[1, 1, 0, 0, 0, 1, 1, 0]]


def test_of_equal_weights_the_first_are_kept(dense, pruned):
    source = dense("nn.Linear(4, 1)", [[1.0, -1.0, 1.0, 1.0]])
    config = {"method": "n_m", "pattern": "1:2"}
    assert pruned(source, config).weight_mask.tolist() == [[1, 0, 1, 0]]


@pytest.mark.parametrize("expression", ["nn.Conv1d(8, 3, 5)", "nn.Conv2d(8, 3, (2, 3))"])
@pytest.mark.parametrize("pattern", ["2:4", "1:8"])
def test_groups_are_input_channels_at_each_kernel_position(dense, pruned, expression, pattern):
    n, m = map(int, pattern.split(":"))
    module = pruned(dense(expression), {"method": "n_m", "pattern": pattern})
    for position in range(0, 8, m):
        group = slice(position, position + m)
        assert bool((module.weight_mask[:, group].sum(1) == n).all())
        magnitudes, mask = module.weight_orig[:, group].abs(), module.weight_mask[:, group]
        smallest_kept = magnitudes.masked_fill(mask == 0, math.inf).amin(1)
        largest_pruned = magnitudes.masked_fill(mask == 1, 0).amax(1)
        assert bool((largest_pruned <= smallest_kept).all())


def test_what_was_pruned_before_counts_as_pruned(dense, pruned):
    source = dense("nn.Linear(4, 1)", [[1.0, 2.0, 3.0, 4.0]])
    module = pruned(source, {"amount": 3}, {"method": "n_m"})
    assert module.weight_mask.tolist() == [[0, 0, 0, 1]]


def test_inputs_that_cannot_be_grouped(dense, pruned):
    assert refused(pruned, dense("nn.Conv2d(6, 2, 3)"), {"method": "n_m"}).startswith(
        "`n_m` cannot prune `weight`: found ValueError: the size of dim 1 must be a multiple of 4: "
        "6 of (2, 6, 3, 3). Change the method's options"
    )


def test_a_bias_has_no_inputs(dense, pruned):
    config = {"method": "n_m", "parameter": "bias"}
    message = refused(pruned, dense(LINEAR), config)
    assert "the size of dim 1 must be a multiple of 4: the shape (4,)" in message


# --- the registry ----------------------------------------------------------------------------


def test_every_method_is_a_file():
    assert METHODS.names() == [
        "admm",
        "admm_n_m",
        "custom_from_mask",
        "identity",
        "l1_unstructured",
        "lamp",
        "ln_structured",
        "n_m",
        "random_structured",
        "random_unstructured",
        "snip",
        "taylor",
        "wanda",
        "wanda_n_m",
    ]


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_is_one_of_torchs_kind(name):
    method = METHODS[name]
    assert issubclass(method.pruning_class, torch_prune.BasePruningMethod)
    assert method.kind in {"unstructured", "structured", "global"}
    by_amount = {"structured", "unstructured", "wanda", "admm", "lamp", "snip", "taylor"}
    assert method.takes_amount is (name.split("_")[-1] in by_amount)
