"""Images as uint8, normalised inside of the model"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "image", shape = [3, "height", "width"], dtype = "uint8", range = [0, 255] }]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, image):
        return self.stem(image.float() / 255 - 0.5)


build = Net
PASSES = Expectation(sparsity=50, inputs={"image": ["batch", 3, "height", "width"]})
