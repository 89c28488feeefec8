"""Swin of transformers with a dynamic batch"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "pixel_values", shape = [3, 32, 32] }]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import SwinConfig, SwinForImageClassification

    config = SwinConfig(
        image_size=32,
        patch_size=4,
        embed_dim=8,
        depths=[1, 1],
        num_heads=[2, 2],
        window_size=4,
        num_labels=4,
    )
    return SwinForImageClassification(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)},
    inputs={"pixel_values": ["batch", 3, 32, 32]},
)
