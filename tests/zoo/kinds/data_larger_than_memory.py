"""Dataset that would take 40 GB as one array: streamed sample by sample"""

import torch
from torch import nn
from torch.utils.data import Dataset

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [100000] }]
dataset = "{here}:data"

[prune]
method = "none"

[verify]
samples = 40
"""


class Means(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1, 2)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[-1.0], [1.0]]))
            self.fc.bias.zero_()

    def forward(self, x):
        return self.fc(x.mean(1, keepdim=True))


build = Means


class Huge(Dataset):
    def __len__(self):
        return 100_000

    def __getitem__(self, index):
        label = index % 2
        return torch.full((100_000,), (2.0 * label - 1) * (index + 1)), label


def data():
    return {"test": Huge()}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 40})
