"""Hook that fails in its own code"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "finetune"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[finetune]
hook = "{here}:hook"
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def hook(model, data):
    raise KeyError("lr")


REFUSED = Refusal(
    code=2,
    what="the hook `{here}:hook` failed",
    found="KeyError: 'lr'",
    hint="Correct the hook; -v shows the line",
)
