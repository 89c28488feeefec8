"""File of a package that imports its neighbour by a relative import"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "proj/net.py:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def prepare(folder):
    project = folder / "proj"
    project.mkdir()
    (project / "__init__.py").write_text("")
    (project / "layers.py").write_text(
        "from torch import nn\n\n\n"
        "def net():\n    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))\n"
    )
    (project / "net.py").write_text("from .layers import net\n\nbuild = net\n")


PLAIN_TORCH = False
PASSES = Expectation(sparsity=50)
