"""Input whose name forward() does not have, beside one that it has"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "inputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = [6], dtype = "int64" },
    { name = "atention_mask", shape = [6], dtype = "int64" },
]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(50, 8), nn.Linear(8, 4)

    def forward(self, ids, attention_mask):
        return self.fc(self.embedding(ids) * attention_mask[..., None])


build = Net
REFUSED = Refusal(
    code=2,
    what="load.inputs does not fit forward(ids, attention_mask)",
    expected="`ids`, `attention_mask`",
    found="`ids`, `atention_mask`",
    hint="Did you mean `attention_mask`?",
)
