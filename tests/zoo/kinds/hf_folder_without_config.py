"""Folder with safetensors and no config.json"""

from safetensors.torch import save_file
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "./tiny"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


def prepare(folder):
    (folder / "tiny").mkdir()
    save_file(nn.Linear(8, 4).state_dict(), folder / "tiny" / "model.safetensors")


REFUSED = Refusal(
    code=2,
    what="`./tiny` is not a model folder",
    expected="config.json and weights, as save_pretrained writes them",
    found="model.safetensors",
    hint="Name your factory in load.model and the weights in load.weights",
)
