"""Weights saved in bfloat16 for a float32 model"""

from safetensors.torch import save_file
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "model.safetensors"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    save_file(build().bfloat16().state_dict(), folder / "model.safetensors")


PASSES = Expectation(sparsity=50, told=("bfloat16 weights converted to float32",))
