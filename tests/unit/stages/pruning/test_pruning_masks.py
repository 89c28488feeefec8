"""Masks on live modules: where they can go, and how they go on and off."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from prunepack.stages.pruning.masks import (
    Place,
    Pruned,
    count_pruned_weights,
    count_units,
    held_parameters,
    join_name,
    lift_mask,
    pruned_parameters,
    put_mask,
)
from prunepack.stages.pruning.targets import prunable_parameters


class Tied(nn.Module):
    """An embedding whose matrix is also the output layer's."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 5)
        self.head.weight = self.embedding.weight

    def forward(self, ids):
        return self.head(self.norm(self.embedding(ids)))


def names(model):
    return [target.name for target in prunable_parameters(model)]


def test_the_name_of_a_parameter_in_the_root_module_has_no_dot():
    assert join_name("", "weight") == "weight"
    assert join_name("a.b", "weight") == "a.b.weight"


def test_normalisations_are_not_prunable_and_biases_of_other_layers_are():
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Linear(2, 2, bias=False))
    assert names(model) == ["0.weight", "0.bias", "2.weight"]


def test_a_recurrent_layer_owns_several_weights():
    assert names(nn.LSTM(2, 3))[:2] == ["weight_ih_l0", "weight_hh_l0"]


def test_a_model_that_is_one_layer():
    assert names(nn.Linear(2, 2)) == ["weight", "bias"]


def test_a_shared_parameter_comes_once_with_all_its_places():
    targets = {target.name: target for target in prunable_parameters(Tied())}
    assert set(targets) == {"embedding.weight", "head.bias"}
    places = [place.name for place in targets["embedding.weight"].places]
    assert places == ["embedding.weight", "head.weight"]


def test_a_shared_module_comes_once_with_both_names():
    layer = nn.Linear(2, 2)
    model = nn.ModuleDict({"a": layer, "b": layer})
    assert names(model) == ["a.weight", "a.bias"]
    assert [p.name for p in prunable_parameters(model)[0].places] == ["a.weight", "b.weight"]


def test_masked_parameters_keep_their_dense_names():
    model = nn.Sequential(nn.Linear(2, 2))
    put_mask(model[0], "weight", torch.eye(2))
    held = {place.name: place for place, _ in held_parameters(model)}
    assert set(held) == {"0.weight", "0.bias"}
    assert type(held["0.weight"]) is Pruned
    assert type(held["0.bias"]) is Place
    assert [one.name for one in pruned_parameters(model)] == ["0.weight"]


def test_masks_multiply_and_never_grow():
    layer = nn.Linear(2, 2)
    put_mask(layer, "weight", torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    put_mask(layer, "weight", torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    assert layer.weight_mask.tolist() == [[1, 0], [0, 1]]
    assert torch.equal(layer.weight, layer.weight_orig * torch.eye(2))


def test_the_hook_of_a_mask_holds_no_second_copy_of_it():
    layer = nn.Linear(2, 2)
    put_mask(layer, "weight", torch.eye(2))
    (hook,) = layer._forward_pre_hooks.values()
    assert type(hook) is prune.Identity
    assert vars(hook) == {"_tensor_name": "weight"}


def test_a_buffer_of_the_users_own_that_is_called_mask_is_no_mask():
    layer = nn.Linear(2, 2)
    layer.register_buffer("bias_mask", torch.ones(2))
    put_mask(layer, "weight", torch.eye(2))
    assert [one.name for one in pruned_parameters(layer)] == ["weight"]


def test_lifting_a_mask_gives_back_every_bit():
    layer = nn.Linear(3, 1)
    strange = torch.tensor([[-0.0, float("inf"), float("nan")]])
    layer.weight.data = strange.clone()
    before = layer.weight.detach().view(torch.int32).clone()
    parameter = layer.weight
    put_mask(layer, "weight", torch.zeros(1, 3))
    lift_mask(Pruned("", layer, "weight"))
    assert layer.weight is parameter
    assert torch.equal(layer.weight.detach().view(torch.int32), before)
    assert not layer._forward_pre_hooks
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_lifting_the_masks_of_tied_weights_keeps_them_tied():
    model = Tied()
    before = model.head.weight.detach().clone()
    for layer in (model.embedding, model.head):
        put_mask(layer, "weight", torch.zeros(5, 4))
    for one in list(pruned_parameters(model)):
        lift_mask(one)
    assert model.head.weight is model.embedding.weight
    assert torch.equal(model.head.weight, before)


def test_sparsity_counts_a_shared_weight_once():
    model = Tied()
    mask = torch.ones(5, 4)
    mask[0] = 0
    for layer in (model.embedding, model.head):
        put_mask(layer, "weight", mask)
    assert count_pruned_weights(model) == (4, 20)
    assert count_pruned_weights(nn.Linear(2, 2)) == (0, 0)


def test_a_channel_is_kept_while_one_weight_of_it_is():
    mask = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert count_units([mask], None) == (6, 1)
    assert count_units([mask, mask], None) == (12, 2)
    assert count_units([mask], 0) == (2, 1)
    assert count_units([mask], -1) == (3, 1)
    with pytest.raises(IndexError, match="Dimension out of range"):
        count_units([mask], 2)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_a_masked_module_can_be_copied(copied):
    layer = nn.Linear(3, 2)
    put_mask(layer, "weight", torch.tensor([[1.0, 0.0, 1.0]] * 2))
    twin = copied(layer)
    x = torch.randn(4, 3)
    assert torch.equal(twin(x), layer(x))
    assert torch.equal(twin.weight_mask, layer.weight_mask)


def test_torch_copies_no_module_whose_weight_has_a_graph_until_it_ran_without():
    layer = nn.Linear(3, 2)
    prune.l1_unstructured(layer, "weight", amount=2)
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(layer)
    with torch.no_grad():
        layer(torch.zeros(1, 3))
    assert torch.equal(copy.deepcopy(layer).weight, layer.weight)


def test_training_through_a_mask_leaves_what_it_prunes_alone():
    layer = nn.Linear(3, 2)
    mask = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    put_mask(layer, "weight", mask)
    before = layer.weight_orig.detach().clone()
    layer(torch.ones(1, 3)).sum().backward()
    assert torch.equal(layer.weight_orig.grad, mask)
    torch.optim.SGD(layer.parameters(), lr=1.0).step()
    assert torch.equal(layer.weight_orig == before, mask == 0)


def test_half_precision_masks():
    layer = nn.Linear(3, 2).to(torch.bfloat16)
    put_mask(layer, "weight", torch.zeros(2, 3))
    assert layer.weight_mask.dtype == torch.bfloat16
    assert not layer.weight.any()
