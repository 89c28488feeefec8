"""Module-level instance named in the recipe, in place of a factory"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:net"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

PLAIN_TORCH = False
REFUSED = Refusal(
    code=2,
    what="`{here}:net` is a model, not a factory",
    expected="a function or class that returns a new model at each call",
    found="Sequential",
    hint="Write `def build(): return net` anew: the model must be built in the function",
)
