"""Default fine-tuning without a dataset: skipped with a note"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[finetune]
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


PASSES = Expectation(sparsity=50, told=("fine-tuning skipped: no dataset",))
