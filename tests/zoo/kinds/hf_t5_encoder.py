"""T5 encoder of transformers with a dynamic batch"""

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
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=100, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    return T5EncoderModel(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)},
    outputs=["last_hidden_state"],
)
