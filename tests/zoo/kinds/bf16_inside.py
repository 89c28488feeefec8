"""Layer in bfloat16 inside a float32 model

onnxruntime has no bfloat16 kernels on the CPU, and `.float()` breaks this forward().
"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4).bfloat16()

    def forward(self, x):
        return self.layer(x.bfloat16()).float()


build = Mixed
REFUSED = Refusal(
    what="the model computes in bfloat16, which onnxruntime cannot run on the CPU",
    expected="a forward() that also runs with float32 parameters",
    hint="Return model.float() from the factory and remove .bfloat16() from forward()",
)
