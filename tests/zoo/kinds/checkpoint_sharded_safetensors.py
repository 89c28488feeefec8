"""Weights in safetensors shards with an index"""

import json

from safetensors.torch import save_file
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "model.safetensors.index.json"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    places = {}
    for number, layer in ((1, "0"), (2, "2")):
        file = f"model-0000{number}-of-00002.safetensors"
        shard = {n: t for n, t in build().state_dict().items() if n.startswith(layer)}
        save_file(shard, folder / file)
        places |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_size": 848}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


PASSES = Expectation(sparsity=50, told=("2 shards",))
