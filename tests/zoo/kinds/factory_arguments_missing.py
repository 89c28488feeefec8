"""Factory whose required argument the recipe does not give"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


def build(hidden):
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 4))


REFUSED = Refusal(
    code=2,
    what="load.arguments does not fit `{here}:build(hidden)`",
    expected="`hidden`",
    found="no arguments",
    hint="Add `hidden` to load.arguments",
)
