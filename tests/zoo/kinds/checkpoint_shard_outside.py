"""Index that names a shard outside of its folder"""

import json

from torch import nn

from tests.zoo.expectations import Refusal

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
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    index = {"weight_map": dict.fromkeys(build().state_dict(), "../secret.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


REFUSED = Refusal(
    what="`model.safetensors.index.json` names a shard outside of its folder",
    expected="a file name",
    found="../secret.safetensors",
    hint="Put the index and its shards into one folder",
)
