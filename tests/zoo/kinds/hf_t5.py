"""T5 of transformers, encoder and decoder"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "input_ids", shape = [8], dtype = "int64", range = [0, 99] },
    { name = "decoder_input_ids", shape = [4], dtype = "int64", range = [0, 99] },
]

[prune]
amount = 0.5

[export]
outputs = ["logits"]
"""

NEEDS = ("transformers",)


def build():
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=100,
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)}, outputs=["logits"]
)
