"""verify.answer names an output that the model does not have"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
dataset = "{here}:data"

[prune]
amount = 0.5

[verify]
answer = "logit"
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4, bias=False)

    def forward(self, x):
        return {"features": x, "logits": self.fc(x)}


build = Net


def data():
    x = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    return {"test": (x, x[:, :4].argmax(1))}


REFUSED = Refusal(
    code=2,
    what="verify.answer names no output: `logit`",
    expected="`features`, `logits`",
    found="`logit`",
    hint="Did you mean `logits`?",
)
