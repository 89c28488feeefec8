"""ALBERT of transformers: one layer shared by all depths"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "input_ids", shape = [8], dtype = "int64", range = [0, 99] },
    { name = "attention_mask", shape = [8], dtype = "int64" },
]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import AlbertConfig, AlbertModel

    config = AlbertConfig(
        vocab_size=100,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return AlbertModel(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)},
    outputs=["last_hidden_state", "pooler_output"],
)
