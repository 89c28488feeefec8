"""DistilBERT of transformers"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "input_ids", shape = ["tokens"], dtype = "int64", range = [0, 99] },
    { name = "attention_mask", shape = ["tokens"], dtype = "int64", range = [0, 1] },
]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import DistilBertConfig, DistilBertForTokenClassification

    config = DistilBertConfig(
        vocab_size=100, dim=16, n_layers=2, n_heads=2, hidden_dim=32, num_labels=4
    )
    return DistilBertForTokenClassification(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)}, outputs=["logits"]
)
