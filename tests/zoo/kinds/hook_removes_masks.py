"""Hook that calls prune.remove"""

from torch import nn
from torch.nn.utils import prune

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
    prune.remove(model[0], "weight")


REFUSED = Refusal(
    what="the hook `{here}:hook` removed the mask of `0.weight`",
    expected="the mask that it had",
    found="none",
    hint="Leave the pruning hooks on: finalize removes them",
)
