"""HTML page that a download left in place of the weights"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.pth"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    (folder / "w.pth").write_text("<!DOCTYPE html>\n<html><title>Sign in</title></html>\n")


REFUSED = Refusal(
    what="`w.pth` is an HTML page, not weights",
    expected="a checkpoint",
    found="a page that begins with `<!DOCTYPE html>`",
    hint="Download the file again, from its direct link and signed in if it needs that",
)
