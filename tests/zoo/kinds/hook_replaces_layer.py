"""Hook that replaces a layer without a mask"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "finetune"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, 8, 8] }]

[prune]
amount = 0.5

[finetune]
hook = "{here}:hook"
"""


def build():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 4))


def hook(model, data):
    model[1] = nn.GroupNorm(2, 8)


REFUSED = Refusal(
    what="the hook `{here}:hook` replaced layer `1`",
    expected="BatchNorm2d",
    found="GroupNorm",
    hint="Change layers in the factory: a hook only trains",
)
