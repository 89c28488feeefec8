"""export.outputs names an output that the model does not have"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "outputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[export]
outputs = ["logit"]
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return {"logits": self.fc(x)}


build = Net
REFUSED = Refusal(
    code=2,
    what="export.outputs names no output: `logit`",
    expected="`logits`",
    found="`logit`",
    hint="Did you mean `logits`?",
)
