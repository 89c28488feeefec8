"""2:4 on transformers' Conv1D, whose weight is (in, out)"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [16] }]

[prune]
method = "n_m"
pattern = "2:4"
"""

NEEDS = ("transformers",)


def build():
    from transformers.pytorch_utils import Conv1D

    return nn.Sequential(Conv1D(8, 16), nn.ReLU(), Conv1D(4, 8))


def check(release):
    weight = release.weight("0.weight")
    assert weight.shape == (16, 8)
    assert ((weight != 0).reshape(4, 4, 8).sum(1) == 2).all()


PASSES = Expectation(sparsity=50)
