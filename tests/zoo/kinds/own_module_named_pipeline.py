"""User's modules named pipeline and stages, which prunepack's must not hide"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "net.py:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def prepare(folder):
    (folder / "pipeline.py").write_text(
        "from torch import nn\n\n\n"
        "def make_net():\n    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))\n"
    )
    (folder / "stages.py").write_text("from pipeline import make_net\n")
    (folder / "net.py").write_text("from stages import make_net\n\nbuild = make_net\n")


PLAIN_TORCH = False
PASSES = Expectation(sparsity=50)
