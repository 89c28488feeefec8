"""Labels from 1 for a model whose classes begin at 0"""

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
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def data():
    x = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    return {"test": (x, 1 + x[:, :4].argmax(1))}


REFUSED = Refusal(
    what="the labels of split `test` of `{here}:data` do not fit the model",
    expected="whole numbers from 0 to 3",
    found="1 to 4",
    hint="Count classes from 0, or name a metric of your own in verify.metric",
)
