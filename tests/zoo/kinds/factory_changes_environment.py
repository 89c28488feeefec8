"""Factory that sets environment variables, threads, sys.path, warnings and the level of logging"""

import logging
import os
import sys
import warnings

import numpy as np
import torch
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
    os.environ["ZOO_WAS_HERE"] = "1"
    sys.path.insert(0, "/nowhere")
    warnings.simplefilter("error")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    np.seterr(all="raise")
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def check(release):
    assert "/nowhere" not in sys.path
    assert ("error", None, Warning, None, 0) not in warnings.filters
    logging.disable(logging.NOTSET)
    assert np.geterr()["over"] == "warn"


PASSES = Expectation(sparsity=50)
