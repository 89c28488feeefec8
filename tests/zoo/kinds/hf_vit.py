"""ViT of transformers"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "pixel_values", shape = [3, 16, 16] }]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=16,
        patch_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=4,
    )
    return ViTForImageClassification(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)}, outputs=["logits"]
)
