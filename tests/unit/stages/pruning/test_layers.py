"""Kinds of layers: their weights, and channels and groups in the order of each layer."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunepack.errors import UsageError
from prunepack.stages.prune import PruneConfig
from prunepack.stages.pruning.layers import Layout, find_layout, is_weight_name

WEIGHTS = {
    "Conv1d": (lambda: nn.Conv1d(2, 4, 3), ["0.weight"]),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 4, 3), ["0.weight"]),
    "Embedding": (lambda: nn.Embedding(5, 4), ["0.weight"]),
    "Bilinear": (lambda: nn.Bilinear(2, 3, 4), ["0.weight"]),
    "GRUCell": (lambda: nn.GRUCell(2, 3), ["0.weight_ih", "0.weight_hh"]),
    "LSTM with projections": (
        lambda: nn.LSTM(2, 4, bidirectional=True, proj_size=3),
        [f"0.weight_{kind}_l0{way}" for way in ("", "_reverse") for kind in ("ih", "hh", "hr")],
    ),
    "attention": (
        lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True),
        ["0.in_proj_weight", "0.out_proj.weight"],
    ),
    "attention, other sizes": (
        lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=2),
        [*(f"0.{name}_proj_weight" for name in "qkv"), "0.out_proj.weight"],
    ),
    "normalisations": (
        lambda: nn.Sequential(
            nn.LayerNorm([3, 4]), nn.BatchNorm2d(3), nn.RMSNorm([3, 4]), nn.Linear(4, 4)
        ),
        ["0.3.weight"],
    ),
    "PReLU": (lambda: nn.Sequential(nn.PReLU(4), nn.Linear(4, 4)), ["0.1.weight"]),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_default_rule_prunes_every_weight_matrix(prune_module, kind):
    build, expected = WEIGHTS[kind]
    masks, _ = prune_module(nn.Sequential(build()), amount=0.5, scope="local")
    assert list(masks) == expected
    for name, mask in masks.items():
        assert int((mask == 0).sum()) == round(mask.numel() / 2), name


@pytest.mark.parametrize(
    "name", ["weight", "weight_hr_l1_reverse", "in_proj_weight", "v_proj_weight", "weight_ih"]
)
def test_names_of_weights(name):
    assert is_weight_name(name)


@pytest.mark.parametrize(
    "name", ["bias", "bias_ih_l0", "weights", "weight_g", "proj_weight", "b_k"]
)
def test_names_of_other_parameters(name):
    assert not is_weight_name(name)


class Scale(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(*shape))


class OwnNorm(Scale):
    pass


@pytest.mark.parametrize("scale", [Scale(4, 1, 1), Scale(1, 4, 1, 1), OwnNorm(1, 4), Scale(4)])
def test_a_scale_of_the_users_own_is_not_a_weight(prune_module, scale):
    masks, remarks = prune_module(nn.Sequential(scale, nn.Linear(4, 1)), amount=0.5)
    assert list(masks) == ["1.weight"]
    assert remarks == []


@pytest.mark.parametrize("layer", [Scale(4, 1), nn.Conv2d(4, 1, 1), nn.Conv1d(4, 4, 1, groups=4)])
def test_a_weight_with_a_single_row_is_one(prune_module, layer):
    masks, _ = prune_module(nn.Sequential(layer), amount=0.5)
    assert list(masks) == ["0.weight"]


def test_a_token_is_not_reached_and_not_told(prune_module):
    model = nn.Sequential(nn.Linear(4, 4))
    model.register_parameter("cls_token", nn.Parameter(torch.randn(1, 1, 4)))
    model.register_parameter("positions", nn.Parameter(torch.randn(1, 3, 4)))
    _, remarks = prune_module(model, amount=0.5)
    assert remarks == ["no rule reached `positions`"]


# --- output channels -------------------------------------------------------------------------

OUTPUTS = {
    "Linear": (lambda: nn.Linear(6, 4), 0),
    "Conv1d": (lambda: nn.Conv1d(6, 4, 3), 0),
    "Conv2d in groups": (lambda: nn.Conv2d(6, 4, 3, groups=2), 0),
    "Conv3d": (lambda: nn.Conv3d(2, 4, 2), 0),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(6, 4, 3), 1),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(6, 4, 3), 1),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(6, 4, 2), 1),
    "Embedding": (lambda: nn.Embedding(6, 4), 1),
    "LSTMCell": (lambda: nn.LSTMCell(3, 1), 0),
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("amount", [0.5, 1, 0.3])
def test_channels_are_those_that_torch_prunes_along_the_outputs(prune_module, kind, amount):
    build, dim = OUTPUTS[kind]
    layer, reference = build(), build()
    reference.load_state_dict(layer.state_dict())
    masks, remarks = prune_module(layer, method="ln_structured", amount=amount, norm=1)
    for name, mask in masks.items():
        torch_prune.ln_structured(reference, name, amount, 1, dim)
        assert torch.equal(mask, getattr(reference, f"{name}_mask")), name
    assert not remarks


def test_output_channels_of_transformers_conv1d(prune_module):
    layer = pytest.importorskip("transformers.pytorch_utils").Conv1D(4, 6)
    masks, _ = prune_module(layer, method="ln_structured", amount=0.5)
    assert (masks["weight"] == 0).all(0).sum() == 2


def test_a_grouped_transposed_convolution_loses_output_channels_of_any_group(prune_module):
    layer = nn.ConvTranspose2d(4, 6, 2, groups=2, bias=False)
    with torch.no_grad():
        layer.weight[2:, 1] = 0.001  # group 1, its second output: channel 4 of 6
    masks, _ = prune_module(layer, method="ln_structured", amount=1)
    dead = (layer(torch.randn(1, 4, 3, 3)) == 0).all(dim=(0, 2, 3))
    assert dead.tolist() == [False] * 4 + [True, False]
    assert int((masks["weight"] == 0).sum()) == 2 * 2 * 2


def test_a_depthwise_transposed_convolution_has_as_many_channels_as_inputs(prune_module):
    layer = nn.ConvTranspose1d(8, 8, 3, groups=8)
    masks, _ = prune_module(layer, method="random_structured", amount=0.5)
    assert (masks["weight"] == 0).flatten(1).all(1).sum() == 4


def test_a_named_dim_is_the_layers_own(prune_module):
    layer = nn.ConvTranspose2d(4, 6, 2)
    masks, _ = prune_module(layer, method="ln_structured", amount=0.5, dim=0)
    assert (masks["weight"] == 0).flatten(1).all(1).sum() == 2


def test_the_channels_of_an_unknown_layer_are_told(prune_module):
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 6))

    masks, remarks = prune_module(nn.Sequential(Mixer()), method="ln_structured", amount=0.5)
    assert (masks["0.weight"] == 0).all(1).sum() == 2
    assert remarks == [
        "dim 0 of `0.weight` (Mixer) is taken for its output channels; prune.dim names another one"
    ]


# --- groups of inputs ------------------------------------------------------------------------


def zeros_per_group(mask, dim):
    return (mask.movedim(dim, -1).unflatten(-1, (-1, 4)) == 0).sum(-1)


@pytest.mark.parametrize(
    ("build", "dim"),
    [
        (lambda: nn.Linear(8, 3), 1),
        (lambda: nn.Conv2d(8, 3, 2), 1),
        (lambda: nn.Conv1d(8, 4, 3, groups=2), 1),
        (lambda: nn.ConvTranspose2d(8, 3, 2), 0),
        (lambda: nn.ConvTranspose1d(8, 4, 3, groups=2), 0),
        (lambda: nn.Embedding(3, 8), 1),
    ],
)
def test_n_m_runs_along_the_inputs(prune_module, build, dim):
    masks, _ = prune_module(build(), method="n_m")
    assert (zeros_per_group(masks["weight"], dim) == 2).all()


def test_n_m_does_not_run_across_groups_of_a_convolution(prune_module):
    with pytest.raises(UsageError, match="the size of dim 1 must be a multiple of 4: 2 of"):
        prune_module(nn.ConvTranspose2d(4, 4, 2, groups=2), method="n_m")


class InOut(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3))


def test_n_m_refuses_a_layer_whose_inputs_it_does_not_know(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(nn.Sequential(InOut()), method="n_m")
    error = caught.value
    assert error.what == ("`n_m` does not know which dimension of `0.weight` its layer sums over")
    assert error.expected == (
        "Linear, a convolution, a recurrent layer, MultiheadAttention, Embedding or "
        "Conv1D of transformers"
    )
    assert error.found == "InOut"
    assert error.hint == "Set dim in a rule for this layer: 1 for (out, in), 0 for (in, out)"


@pytest.mark.parametrize("dim", [0, -2])
def test_n_m_along_a_named_dim(prune_module, dim):
    masks, _ = prune_module(nn.Sequential(InOut()), method="n_m", dim=dim)
    assert (zeros_per_group(masks["0.weight"], 0) == 2).all()


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_layout_is_its_own_inverse(groups):
    tensor = torch.arange(4 * 3 * 2.0).view(4, 3, 2)
    layout = Layout(is_transposed=True, groups=groups)
    assert layout.reorder(tensor).shape == (3 * groups, 4 // groups, 2)
    assert torch.equal(layout.reorder(layout.reorder(tensor)), tensor)


def test_a_class_of_the_same_name_is_not_transformers_conv1d():
    class Conv1D(nn.Module):
        pass

    assert find_layout(Conv1D(), "inputs") is None


def test_dim_is_a_setting_of_a_rule():
    assert PruneConfig(rules=[{"method": "n_m", "dim": 0}]).rules[0].dim == 0
