"""Factory argument that is misspelt in the recipe"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
arguments = { hiden = 24 }

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


def build(hidden=16):
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 4))


REFUSED = Refusal(
    code=2,
    what="load.arguments does not fit `{here}:build(hidden=16)`",
    expected="`hidden`",
    found="`hiden`",
    hint="Did you mean `hidden`?",
)
