"""ResNet of transformers"""

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
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=4
    )
    return ResNetForImageClassification(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)}, outputs=["logits"]
)
