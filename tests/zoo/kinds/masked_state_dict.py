"""State dict saved while pruned: `_orig` and `_mask`, no [prune] table

The weights in the ONNX are those of the file; nothing is pruned further or trained.
"""

import torch
from torch import nn
from torch.nn.utils import prune

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
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
    torch.save(model.state_dict(), folder / "pruned.pth")


def check(release):
    state = torch.load(release.folder.parents[1] / "pruned.pth", weights_only=True)
    for layer in ("0", "2"):
        expected = state[f"{layer}.weight_orig"] * state[f"{layer}.weight_mask"] + 0.0
        assert torch.equal(torch.from_numpy(release.weight(f"{layer}.weight").copy()), expected)


PASSES = Expectation(
    sparsity=75,
    told=(
        "2 masks found in `pruned.pth`",
        "not pruned further",
        "the dense model is the one without its masks",
    ),
)
