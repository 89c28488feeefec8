"""Factory that parses the command line of its own script"""

import argparse

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    options = argparse.ArgumentParser()
    options.add_argument("--hidden", type=int, default=16)
    hidden = options.parse_args().hidden
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 4))


PASSES = Expectation(sparsity=50)
