"""State dict saved after prune.remove: zeros of both signs, no [prune] table"""

import torch
from torch import nn
from torch.nn.utils import prune

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "pruned.pth"

[compact]
enabled = false
"""


def build():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    model = build()
    for layer in (model[0], model[2]):
        prune.l1_unstructured(layer, "weight", 0.75)
        prune.remove(layer, "weight")
    assert torch.signbit(model[0].weight[model[0].weight == 0]).any()
    torch.save(model.state_dict(), folder / "pruned.pth")


def check(release):
    state = torch.load(release.folder.parents[1] / "pruned.pth", weights_only=True)
    for name in ("0.weight", "2.weight"):
        weight = torch.from_numpy(release.weight(name).copy())
        assert torch.equal(weight, state[name])
        assert not torch.signbit(weight[weight == 0]).any()


PASSES = Expectation(
    sparsity=75,
    told=(
        "zeros taken as masks in `0.weight` (75.0 %), `2.weight` (75.0 %)",
        "not pruned further",
        "no dense reference",
    ),
    metrics={"size.dense_onnx": None, "size.ratio": None, "size.ratio_zstd19": None},
)
