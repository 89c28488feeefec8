"""Index that names a shard which is not there"""

import json

from safetensors.torch import save_file
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = False
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
    state = build().state_dict()
    first = {n: t for n, t in state.items() if n.startswith("0")}
    save_file(first, folder / "model-00001-of-00002.safetensors")
    places = {n: f"model-0000{1 if n in first else 2}-of-00002.safetensors" for n in state}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


REFUSED = Refusal(
    what="`model.safetensors.index.json` names a shard that is not there",
    expected="model-00002-of-00002.safetensors beside it",
    found="no such file",
    hint="Download the missing shard into the same folder",
)
