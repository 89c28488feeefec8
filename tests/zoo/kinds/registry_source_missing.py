"""timm:NAME where timm does not import"""

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "timm:resnet18_of_the_zoo"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False
REFUSED = Refusal(
    code=2,
    what="`timm:resnet18_of_the_zoo` cannot be built",
    expected="the package timm, with this model",
    hint="Install timm beside a torchvision that fits your torch, or name a factory of your own",
)
