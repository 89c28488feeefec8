"""Pointer of Git LFS in place of the weights"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "model.safetensors"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    (folder / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
        "size 90868376\n"
    )


REFUSED = Refusal(
    what="`model.safetensors` is a pointer of Git LFS, not the weights",
    expected="90,868,376 bytes",
    found="a text file of 133 bytes",
    hint="Run `git lfs pull` in its repository",
)
