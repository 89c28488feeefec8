"""BatchNorm that keeps no running statistics: answers depend on the batch"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16, track_running_stats=False), nn.Linear(16, 4)
    )


REFUSED = Refusal(
    what="the torch model cannot run on x[1, 8]",
    hint="Check load.inputs, and that the model takes a batch of any size",
)
