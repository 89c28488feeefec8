"""DynamicCache of transformers among the outputs: exported as tensors"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "outputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = ["tokens", 8] }]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.keys, self.values, self.fc = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache()
        cache.update(self.keys(x)[:, None], self.values(x)[:, None], 0)
        return {"logits": self.fc(x), "past_key_values": cache}


build = Net
PASSES = Expectation(
    sparsity=50, outputs=["logits", "past_key_values.0.key", "past_key_values.0.value"]
)
