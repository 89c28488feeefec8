"""BERT of transformers, inputs in the tokenizer's order"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "input_ids", shape = ["tokens"], dtype = "int64", range = [0, 99] },
    { name = "token_type_ids", shape = ["tokens"], dtype = "int64", range = [0, 1] },
    { name = "attention_mask", shape = ["tokens"], dtype = "int64", range = [0, 1] },
]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=100,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=4,
    )
    return BertForSequenceClassification(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)}, outputs=["logits"]
)
