"""The forms of a model: layers that are still in training."""

from torch import nn

from prunepack.stages.comparison.forms import count_training_layers


def test_layers_in_training_are_counted_by_name():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    assert count_training_layers(model)["torch.training_layers"].value == 0
    model[1].train()
    found = count_training_layers(model, model)["torch.training_layers"]
    assert (found.value, found.note) == (2, "1, 1")
