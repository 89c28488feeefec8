"""Factory that returns a state dict in place of a model"""

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


def build():
    return nn.Linear(8, 4).state_dict()


REFUSED = Refusal(
    code=2,
    what="`{here}:build()` returned no model",
    expected="a torch.nn.Module",
    found="an OrderedDict",
    hint="Return the model, and name its state dict in load.weights",
)
